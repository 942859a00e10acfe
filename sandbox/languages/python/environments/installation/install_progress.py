"""How far pip is, by what it writes: it says nothing while it downloads, builds and unpacks."""

from __future__ import annotations

import time

_COLLECTING = "Collecting "
_INSTALLING = "Installing collected packages:"


class InstallProgress:
    """Counts the packages of one command."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._collected = self._installing = 0

    def hear(self, line: str) -> str | None:
        """Take a line of the output; return what is worth saying at once."""
        if line.startswith(_COLLECTING):
            self._collected += 1
        if not line.startswith(_INSTALLING):
            return None
        self._installing = len(line.removeprefix(_INSTALLING).split(","))
        return self._what()

    def sentence(self) -> str:
        """What goes on, and for how long it has."""
        return f"{self._what()}, {time.monotonic() - self._began:.0f} s"

    def _what(self) -> str:
        if self._installing:
            return f"installing {_packages(self._installing)}"
        if self._collected:
            return f"collecting what is needed: {_packages(self._collected)} so far"
        return "still installing"


def _packages(number: int) -> str:
    return f"{number:,} package{'' if number == 1 else 's'}"
