"""Regressions that broke candidates: they run first from then on, if they mean anything here.

Each is tried alone on the base before it counts. What fails there says nothing of a candidate: it
may need the tests before it, or more threads, memory or time than a candidate gets; it is left to
the verdict. What passes there says how long it takes in a child.

Python 3.8+, standard library only.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Set


class RegressionOrder:
    """The order of regression tests: those that broke candidates run first."""

    def __init__(self, regressions: List[str], repair_goals: List[str]) -> None:
        """`repair_goals` are to be repaired like the targets: of course they fail on the base."""
        self._regressions = frozenset(regressions)
        self._others = frozenset(repair_goals)
        self._asked: Set[str] = set()
        self.first: List[str] = []
        """To run before the others, the latest in front."""
        self.left_out: List[str] = []
        """They fail on the base as well."""

    def doubtful(self, results: Dict[str, str]) -> Optional[str]:
        """The regression that broke a candidate, the last of its results, unless it is known to
        mean something: then the candidate has to be tried again."""
        test_id = next(reversed(list(results)), "")
        if results.get(test_id) in ("passed", "xpassed", "xfailed"):
            return None  # what ended the candidate was no test
        if test_id in self.first or test_id in self._others:
            self._to_front(test_id)
            return None
        return test_id if test_id in self._regressions else None

    def to_ask(self, test_id: str) -> bool:
        """Whether nobody asked for this test yet."""
        new = test_id not in self._asked
        self._asked.add(test_id)
        return new

    def decide(self, test_id: str, passes: bool) -> None:
        """Whether it passes alone on the base."""
        if passes:
            self._to_front(test_id)
        else:
            self.left_out.append(test_id)

    def _to_front(self, test_id: str) -> None:
        self.first = [test_id, *(earlier_id for earlier_id in self.first if earlier_id != test_id)]
