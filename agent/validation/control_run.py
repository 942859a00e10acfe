"""The control run of a verdict: the unpatched base under the test run that a patch gets.

Which test a patch broke is told by the difference of two runs that differ in the patch alone:
the same tests in the same order, so that a test that leans on an earlier one finds it there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Control:
    """Tests that are red without any patch; the control run is made once, when first needed."""

    patience: float = 1.0
    """How many times longer runs may take than the baseline says: more once the base did not come
    to its end in that time, because other work has the processors by now."""
    _red: frozenset[str] | None = None
    _lock: Lock = field(default_factory=Lock)

    def red(self, run: Callable[[], frozenset[str]]) -> frozenset[str]:
        """Return the tests that are red on the base; `run` takes the whole run there."""
        with self._lock:
            if self._red is None:
                self._red = run()
            return self._red
