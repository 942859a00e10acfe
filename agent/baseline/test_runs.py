"""Runs of the unchanged project's tests, within the time that is left for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox.base import Session
from sandbox.runners.base import RunProgress, TestReport, TestRunner

OpenSession = Callable[[], Session]

PROGRESS_INTERVAL_SECONDS = 2.0
MIN_RUN_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class BaselineLimits:
    """Time the baseline may take."""

    whole_seconds: float = 900.0
    """One run of all tests."""
    test_seconds: float = 5.0
    """One test in the first run."""
    slow_test_seconds: tuple[float, float] = (10.0, 30.0)
    """One test that was over `test_seconds`, run again: 20 times the slowest test that passed,
    at least and at most this; longer is failing (timed out)."""
    reruns: int = 2
    """Further runs of the failing tests, at once, each in a fresh session."""


@dataclass
class TestRuns:
    """Runs tests in fresh sessions and tells how far they are."""

    __test__ = False

    open_session: OpenSession
    runner: TestRunner
    limits: BaselineLimits
    seconds_left: Callable[[], float] = lambda: math.inf
    """Of the whole repair."""
    say: Callable[[str], None] = lambda _: None
    _told: float = field(default=-math.inf)

    def run(
        self,
        test_ids: Sequence[str] | None,
        what: str,
        *,
        test_seconds: float | None = None,
        share: float = 1.0,
    ) -> tuple[TestReport, str]:
        """Run tests, or all of them; `what` names them for people. Returns the workspace, too.

        They get no more than `share` of the time that is left.
        """
        seconds = min(self.limits.whole_seconds, share * self.seconds_left())
        with self.open_session() as session:
            report = self.runner.run(
                session,
                test_ids,
                timeout_seconds=max(seconds, MIN_RUN_SECONDS),
                test_timeout_seconds=test_seconds or self.limits.test_seconds,
                on_progress=lambda progress: self._tell(what, progress),
            )
            return report, session.workspace.rstrip("/") + "/"

    @property
    def time_is_over(self) -> bool:
        return self.seconds_left() <= 0

    def _tell(self, what: str, progress: RunProgress) -> None:
        clock_seconds = time.monotonic()
        if clock_seconds - self._told >= PROGRESS_INTERVAL_SECONDS:
            self._told = clock_seconds
            self.say(f"{what}: {progress_line(progress)}")


def progress_line(progress: RunProgress) -> str:
    """`test 12 of 1,500, 3 failed: tests/test_a.py::test_b`."""
    if progress.collected is None:
        return "collecting the tests"
    place = f"test {min(progress.done + 1, progress.collected):,} of {progress.collected:,}"
    failures = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{place}{failures}" + (f": {progress.running}" if progress.running else "")
