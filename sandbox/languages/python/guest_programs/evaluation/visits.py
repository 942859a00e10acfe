"""What the local variables were at the lines that are looked at, visit by visit.

Python 3.8+, standard library only.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ..harness.values import attribute_pictures, pictures

Visit = Tuple[str, int, Dict[str, str]]
"""File, line, and the pictures of the variables there."""


class Visits:
    """The first visits, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: List[Visit] = []

    def add(self, path: str, line: int, variables: Dict[str, Any]) -> None:
        if len(self._seen) < self._limit:
            self._seen.append((path, line, pictures(variables)))

    def all(self) -> List[Visit]:
        return self._seen


class EndVisits:
    """The first and the last visit of each line, with the attributes of the variables."""

    def __init__(self, limit: int) -> None:
        """After `limit` visits only the first ones of further lines are looked at."""
        self._left = limit
        self._ends: Dict[Tuple[str, int], List[Visit]] = {}

    def add(self, path: str, line: int, variables: Dict[str, Any]) -> None:
        ends = self._ends.setdefault((path, line), [])
        if ends and self._left <= 0:
            return
        self._left -= 1
        values = pictures(variables)
        values.update(attribute_pictures(variables))
        if not ends or values != ends[0][2]:
            ends[1:] = [(path, line, values)]

    def all(self) -> List[Visit]:
        return [visit for ends in self._ends.values() for visit in ends]
