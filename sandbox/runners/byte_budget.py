"""How much a program in a sandbox may say: counted in raw bytes, before anything is parsed."""

from __future__ import annotations

from sandbox.base import MEBIBYTE
from sandbox.errors import SandboxDied

MAX_RECEIVED_BYTES = 256 * MEBIBYTE
"""Of one run. The most that an honest one says are the lines of each test: 5,000 tests may name
ten thousand lines each (5 bytes a line). The guest cuts what a test prints."""


class TooMuchSaid(SandboxDied):
    """The program in the sandbox said more than it may."""


class ByteBudget:
    """Counts what the programs of one run said; shared by those that are started again."""

    def __init__(self, max_bytes: int = MAX_RECEIVED_BYTES) -> None:
        self._max_bytes = self._left = max_bytes

    def charge(self, size: int) -> None:
        """Raises TooMuchSaid where `size` bytes are more than what is left."""
        self._left -= size
        if self._left < 0:
            raise TooMuchSaid(
                f"the program in the sandbox said more than {self._max_bytes:,} bytes"
            )
