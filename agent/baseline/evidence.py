"""What the baseline found out, and what later stages ask of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from agent.records import Baseline, Status
from sandbox.runners.base import FAILING, Outcome, TestResult

HANG_BOUNDS_SECONDS = (2.0, 20.0)
"""Bounds of what a test may take later when some test hangs."""


@dataclass(frozen=True, kw_only=True)
class BaselineEvidence:
    """The baseline and the test results that it rests on."""

    baseline: Baseline
    failures: Mapping[str, TestResult] = field(default_factory=dict)
    """Failing test → how it failed in the first run."""
    others: Mapping[str, TestResult] = field(default_factory=dict)
    """Tests that fail like those of `failures` and are not asked for now → how they failed."""
    unasked: tuple[str, ...] = ()
    """Tests that failed in the whole run beside those that the job names."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Test → seconds in the first run, or in the one that ended it."""
    order: tuple[str, ...] = ()
    """Every test in the order the runner chose."""
    uncollected: tuple[str, ...] = ()
    """Those of the failing tests that are files (or modules) that could not be collected
    because of the project's own source; a repair makes all of their tests pass."""
    order_dependent: tuple[str, ...] = ()
    """Fail in the whole run, pass without the other tests. Counted as flaky."""
    not_run: int = 0
    """Tests that had no turn before the time for the baseline was over: they guard nothing."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """Examples in docstrings and texts among the tests that unittest runs → their file, relative
    to the project; empty where it is not in it."""
    outgrown_pytest: bool = False
    """No test ran, or some could not be collected, because the project needs an older pytest."""
    ending: Status | None = None
    """Set when there is nothing to repair."""
    reason: str = ""
    """One sentence for people that goes with `ending`."""


def without(evidence: BaselineEvidence, reasons: Mapping[str, str]) -> BaselineEvidence:
    """The evidence with some failing tests set aside, test → why."""
    set_aside = {**evidence.baseline.set_aside, **reasons}
    return _failing_no_more(evidence, reasons, replace(evidence.baseline, set_aside=set_aside))


def red(evidence: BaselineEvidence) -> Mapping[str, TestResult]:
    """Every test that fails, asked for now or not, in the order of the runner → how it failed."""
    results = {**evidence.failures, **evidence.others}
    place = {test_id: number for number, test_id in enumerate(evidence.order)}
    return {t: results[t] for t in sorted(results, key=lambda t: place.get(t, len(place)))}


def focused(
    evidence: BaselineEvidence, tests: Collection[str], reasons: Mapping[str, str]
) -> BaselineEvidence:
    """The evidence with these of the red tests to repair, and the others set aside, test → why."""
    results = red(evidence)
    remainder = tuple(test_id for test_id in results if test_id not in tests)
    causes = {t: why for t, why in evidence.baseline.set_aside.items() if t not in results}
    return replace(
        evidence,
        baseline=replace(
            evidence.baseline,
            failing=tuple(test_id for test_id in results if test_id in tests),
            set_aside={**causes, **{t: reasons[t] for t in remainder}},
            still_red=remainder,
        ),
        failures={t: result for t, result in results.items() if t in tests},
        others={test_id: results[test_id] for test_id in remainder},
    )


def flaky_after_all(evidence: BaselineEvidence, passed: Collection[str]) -> BaselineEvidence:
    """The evidence once failing tests have passed unchanged: they are flaky."""
    baseline = evidence.baseline
    flaky = (*baseline.flaky, *(test_id for test_id in baseline.failing if test_id in passed))
    return _failing_no_more(evidence, passed, replace(baseline, flaky=flaky))


def _failing_no_more(
    evidence: BaselineEvidence, test_ids: Collection[str], baseline: Baseline
) -> BaselineEvidence:
    """The evidence with this baseline, in which these tests count as failing no more."""
    failing_tests = tuple(test_id for test_id in baseline.failing if test_id not in test_ids)
    failures = {t: result for t, result in evidence.failures.items() if t not in test_ids}
    return replace(evidence, baseline=replace(baseline, failing=failing_tests), failures=failures)


def hangs(evidence: BaselineEvidence, test_id: str) -> bool:
    """Whether a failing test ran until its time-out."""
    failure = evidence.failures.get(test_id)
    return failure is not None and failure.outcome is Outcome.TIMED_OUT


def fails_alike(base: TestResult | None, other: TestResult | None) -> bool:
    """Whether a test that fails in the baseline fails by the same exception in another run."""
    if base is None or other is None:
        return False
    return other.outcome in FAILING and base.exception == other.exception


def hang_seconds(evidence: BaselineEvidence) -> float:
    """A time-out for tests of this suite: generous, unless some of them hang."""
    minimum, maximum = HANG_BOUNDS_SECONDS
    if not any(hangs(evidence, test_id) for test_id in evidence.baseline.failing):
        return maximum
    slowest = max((evidence.seconds.get(t, 0.0) for t in evidence.baseline.passing), default=0.0)
    return min(maximum, max(minimum, 10 * slowest))
