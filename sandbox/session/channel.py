"""Bytes to and from a guest, however its sandbox is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Channel(Protocol):
    """Bytes to and from the guest. `read` returns b"" at the end; both raise OSError."""

    def read(self, size: int) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None:
        """End the guest and everything with it; free what it held. Safe to call twice."""

    def guest_ending(self) -> GuestEnding:
        """Why the guest ended, asked once it has."""


@dataclass(frozen=True, kw_only=True)
class GuestEnding:
    """Why a guest ended without being asked to."""

    reason: str
    out_of_memory: bool = False
    """The sandbox as a whole was killed for memory: the code's doing, not the machine's."""
    engine_lost: bool = False
    """The machine's doing, not the code's."""
