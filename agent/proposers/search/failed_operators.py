"""Sites at which a part of the search ended with an error of its own: skipped, counted and said.

The operators read trees of every shape that Python allows, and a mistake in one of them must cost
the edits of one place, never a repair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.untrusted_text import printable
from agent.wording import counted

MAX_EXAMPLES = 5
Listen = Callable[[str], None]


class FailedOperators:
    """How often which operator failed. The first failure of each is told to `listen`."""

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._counts: Counter[str] = Counter()

    @contextmanager
    def skipped(self, operator: str, place: str) -> Iterator[None]:
        """An error inside ends this block, is counted for `operator`, and goes no further."""
        try:
            yield
        except Exception as error:
            self._counts[operator] += 1
            if self._counts[operator] == 1:
                reason = printable(f"{type(error).__name__}: {error}")[:150]
                self._listen(
                    f"the operator {operator} failed at {place}, which it skips ({reason})"
                )

    @property
    def count(self) -> int:
        """Sites skipped so far."""
        return self._counts.total()

    def __str__(self) -> str:
        """One clause for people; empty when nothing failed."""
        if not self._counts:
            return ""
        names = ", ".join(name for name, _ in self._counts.most_common(MAX_EXAMPLES))
        return f"{counted(self.count, 'site')} skipped where an operator failed ({names})"
