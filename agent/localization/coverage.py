"""Which lines are recorded: those that failing tests run, and passing tests near them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from agent.baseline.evidence import BaselineEvidence, hang_seconds, hangs
from agent.baseline.test_selection import nearest_passing
from agent.localization.spectrum import Spectrum, spectrum
from sandbox.languages.coverage import Coverage, CoverageReport
from sandbox.runners.test_ids import named_file

MAX_FAILING_TESTS = 200
"""Where more fail, most of them say nothing new."""
MAX_HANGING_TESTS = 2
PASSING_TESTS_SECONDS = 8.0
"""Passing tests are taken that need about this long together without coverage."""
PASSING_RUN_SECONDS = 60.0
"""With coverage; the tests that ended until then count. The search needs the time more."""
FAILING_ISOLATION_SECONDS = 30.0
PASSING_ISOLATION_SECONDS = 5.0
"""For so long each test runs in a process of its own, passing ones nearest to the failing ones
first. What they share (a database, say) is set up anew for each, so there is an end to it."""
FAILING_RUN_SECONDS = 240.0
TEST_SECONDS = 20.0
TEST_OVERHEAD_SECONDS = 0.002
MAX_OTHER_PASSING_TESTS = 20


class Collect(Protocol):
    """Runs tests in a fresh sandbox and records their lines."""

    def __call__(
        self,
        test_ids: Sequence[str],
        *,
        whole_seconds: float,
        test_seconds: float,
        isolation_seconds: float,
    ) -> CoverageReport: ...


@dataclass(frozen=True, kw_only=True)
class RecordingPlan:
    """The tests whose lines are recorded."""

    failing: Sequence[str]
    passing: Sequence[str]

    @classmethod
    def of(cls, evidence: BaselineEvidence) -> RecordingPlan:
        return cls(
            failing=_failing(evidence),
            passing=nearest_passing(
                evidence.baseline.failing,
                evidence.baseline.passing,
                evidence.seconds,
                budget_seconds=PASSING_TESTS_SECONDS,
                overhead_seconds=TEST_OVERHEAD_SECONDS,
            ),
        )

    def within_files(self) -> RecordingPlan:
        """Only passing tests that lie beside failing ones, where any do: to load a further file of
        tests, with all that it needs, takes longer than to run them."""
        files = {named_file(test_id) for test_id in self.failing}
        near = [test_id for test_id in self.passing if named_file(test_id) in files]
        return replace(self, passing=near or self.passing[:MAX_OTHER_PASSING_TESTS])


@dataclass(frozen=True, kw_only=True)
class RecordedLines:
    """The lines of the tests of a plan."""

    failing: CoverageReport
    passing: Sequence[Coverage]

    def spectrum(self, failing: Collection[str] | None = None) -> Spectrum:
        """The spectrum of these failing tests (None: of all) and of the passing ones."""
        return spectrum(_with_imports(self.failing, failing), self.passing)


def record(plan: RecordingPlan, evidence: BaselineEvidence, collect: Collect) -> RecordedLines:
    """The lines of both groups. Raises SandboxError."""
    with ThreadPoolExecutor(2) as pool:
        failing_future = pool.submit(
            collect,
            plan.failing,
            whole_seconds=FAILING_RUN_SECONDS,
            test_seconds=hang_seconds(evidence),
            isolation_seconds=FAILING_ISOLATION_SECONDS,
        )
        passing_future = (
            pool.submit(
                collect,
                plan.passing,
                whole_seconds=PASSING_RUN_SECONDS,
                test_seconds=TEST_SECONDS,
                isolation_seconds=PASSING_ISOLATION_SECONDS,
            )
            if plan.passing
            else None
        )
    passing_lines = tuple(passing_future.result().lines.values()) if passing_future else ()
    return RecordedLines(failing=failing_future.result(), passing=passing_lines)


def _failing(evidence: BaselineEvidence) -> list[str]:
    """Failing tests whose lines are worth recording; a few of those that hang. What cannot be
    collected runs no line, and may end the run of all others: it is asked for by itself only."""
    failing_tests = evidence.baseline.failing
    candidates = [t for t in failing_tests if t not in evidence.uncollected] or failing_tests
    hanging_tests = [t for t in candidates if hangs(evidence, t)]
    ending = [t for t in candidates if t not in hanging_tests]
    return [*ending, *hanging_tests[:MAX_HANGING_TESTS]][:MAX_FAILING_TESTS]


def _with_imports(report: CoverageReport, wanted: Collection[str] | None) -> list[Coverage]:
    """Failing coverage; what ran at import counts when nothing else did (a broken import)."""
    coverages: list[Coverage] = [
        lines
        for test_id, lines in report.lines.items()
        if any(lines.values()) and (wanted is None or test_id in wanted)
    ]
    if coverages:
        return coverages
    imports: Mapping[str, Iterable[int]] = report.imported
    return [imports] if imports else []
