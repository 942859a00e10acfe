"""Which lines are recorded: those that failing tests run, and passing tests near them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from agent.baseline.evidence import BaselineEvidence, hang_seconds, hangs
from agent.baseline.test_selection import nearest_passing
from agent.localization.spectrum import Spectrum, spectrum
from sandbox.languages.python.runners.coverage import Coverage, CoverageReport

MAX_FAILING_TESTS = 40
"""More say nothing new."""
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


def record(
    plan: RecordingPlan, evidence: BaselineEvidence, collect: Collect
) -> tuple[Spectrum, CoverageReport]:
    """The spectrum of both groups, and the report of the failing tests. Raises SandboxError."""
    with ThreadPoolExecutor(2) as pool:
        failing = pool.submit(
            collect,
            plan.failing,
            whole_seconds=FAILING_RUN_SECONDS,
            test_seconds=hang_seconds(evidence),
            isolation_seconds=FAILING_ISOLATION_SECONDS,
        )
        passing = (
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
    passing_lines = passing.result().lines.values() if passing else ()
    return spectrum(_with_imports(failing.result()), passing_lines), failing.result()


def _failing(evidence: BaselineEvidence) -> list[str]:
    """Failing tests whose lines are worth recording; a few of those that hang."""
    hanging = [t for t in evidence.baseline.failing if hangs(evidence, t)]
    ending = [t for t in evidence.baseline.failing if t not in hanging]
    return [*ending, *hanging[:MAX_HANGING_TESTS]][:MAX_FAILING_TESTS]


def _with_imports(report: CoverageReport) -> list[Coverage]:
    """Failing coverage; what ran at import counts when nothing else did (a broken import)."""
    covered: list[Coverage] = [lines for lines in report.lines.values() if any(lines.values())]
    if covered:
        return covered
    imported: Mapping[str, Iterable[int]] = report.imported
    return [imported] if imported else []
