"""The baseline: outcomes of the tests on the unchanged base, as failing, passing, flaky or broken.

One whole run, then short runs of the failing tests alone in fresh sessions, one of them in
reverse order. Nothing is repaired that also passes unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from agent.baseline.configuration_errors import (
    configuration_error,
    shared_configuration_error,
)
from agent.baseline.environment_failures import (
    Cause,
    EnvironmentFailure,
    collection_breakage,
    environment_failure,
    last_line,
    outgrown_pytest,
    pytest_gave_up,
    startup_breakage,
)
from agent.records import Baseline, Status
from sandbox.base import Session
from sandbox.runners.base import FAILING, Outcome, TestReport, TestResult, TestRunner
from sandbox.runners.test_ids import is_selected

NOT_RUN = frozenset({Outcome.SKIPPED, Outcome.XFAILED})

HANG_BOUNDS_SECONDS = (2.0, 20.0)
"""Bounds of what a test may take later when some test hangs."""

OpenSession = Callable[[], Session]

Explain = Callable[[TestResult], EnvironmentFailure | None]
"""Says of a failing test which file of the project is missing, see `missing_files`."""


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


@dataclass(frozen=True, kw_only=True)
class BaselineEvidence:
    """The baseline and the test results that it rests on."""

    baseline: Baseline
    failures: Mapping[str, TestResult] = field(default_factory=dict)
    """Failing test → how it failed in the first run."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Test → seconds in the first run."""
    order: tuple[str, ...] = ()
    """Every test in the order the runner chose."""
    uncollected: tuple[str, ...] = ()
    """Those of `baseline.failing` that are files (or modules) that could not be collected
    because of the project's own source; a repair makes all of their tests pass."""
    order_dependent: tuple[str, ...] = ()
    """Fail in the whole run, pass without the other tests. Counted as flaky."""
    outgrown_pytest: bool = False
    """No test ran, or some could not be collected, because the project needs an older pytest."""
    ending: Status | None = None
    """Set when there is nothing to repair."""
    reason: str = ""
    """One sentence for people that goes with `ending`."""


def without(evidence: BaselineEvidence, reasons: Mapping[str, str]) -> BaselineEvidence:
    """The evidence with some failing tests set aside, test → why."""
    baseline = evidence.baseline
    return replace(
        evidence,
        baseline=replace(
            baseline,
            failing=tuple(test_id for test_id in baseline.failing if test_id not in reasons),
            set_aside={**baseline.set_aside, **reasons},
        ),
        failures={t: result for t, result in evidence.failures.items() if t not in reasons},
    )


def flaky_after_all(evidence: BaselineEvidence, passed: Collection[str]) -> BaselineEvidence:
    """The evidence once failing tests have passed unchanged: they are flaky."""
    baseline = evidence.baseline
    return replace(
        evidence,
        baseline=replace(
            baseline,
            failing=tuple(test_id for test_id in baseline.failing if test_id not in passed),
            flaky=(
                *baseline.flaky,
                *(test_id for test_id in baseline.failing if test_id in passed),
            ),
        ),
        failures={t: result for t, result in evidence.failures.items() if t not in passed},
    )


def take_baseline(
    open_session: OpenSession,
    runner: TestRunner,
    *,
    modules: Collection[str],
    is_test_path: Callable[[str], bool],
    explain: Explain = lambda _: None,
    only: Sequence[str] = (),
    limits: BaselineLimits | None = None,
) -> BaselineEvidence:
    """Run the tests until each is failing, passing, flaky or set aside.

    `modules` are the top-level modules the project itself provides: an import of anything
    else that fails is the environment's fault. `explain` knows more of such faults. `only`
    restricts what is repaired; the other tests still guard against regressions. Sandbox errors
    pass through.
    """
    limits = limits or BaselineLimits()
    with open_session() as session:
        workspace = session.workspace.rstrip("/") + "/"
        began = time.monotonic()
        first = runner.run(
            session,
            None,
            timeout_seconds=limits.whole_seconds,
            test_timeout_seconds=limits.test_seconds,
        )
        seconds = time.monotonic() - began
    sorted_out = _sort_out(first, set(modules), is_test_path, workspace)
    sorted_out.set_aside_shared(explain, workspace)
    if only:
        sorted_out = _restrict(sorted_out, only)
    targets = list(sorted_out.failures)
    passed_seconds = [first.results[test_id].seconds for test_id in sorted_out.passing]
    _settle_slow(open_session, runner, sorted_out, passed_seconds, limits)
    targets = [test_id for test_id in targets if not _hung(sorted_out.failures.get(test_id))]
    sorted_out.flaky.update(_run_again(open_session, runner, targets, first, limits))
    return _evidence(first, sorted_out, seconds, only, modules)


def hangs(evidence: BaselineEvidence, test_id: str) -> bool:
    """Whether a failing test ran until its time-out."""
    failure = evidence.failures.get(test_id)
    return failure is not None and _hung(failure)


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


@dataclass
class _Sorted:
    failures: dict[str, TestResult]
    uncollected: list[str]
    broken: dict[str, EnvironmentFailure]
    passing: list[str]
    skipped: list[str]
    flaky: dict[str, bool] = field(default_factory=dict)
    """Test → whether it passed in every rerun (which points at the order of the tests)."""

    def set_aside_shared(self, explain: Explain, workspace: str) -> None:
        """A file or a setting for want of which tests fail is no bug to repair."""
        for test_id, result in self.failures.items():
            relative = replace(result, message=result.message.replace(workspace, ""))
            if failure := explain(relative):
                self.broken[test_id] = failure
        self.broken |= shared_configuration_error(
            self.failures, len(self.uncollected), len(self.passing)
        )
        self.failures = {t: r for t, r in self.failures.items() if t not in self.broken}
        self.uncollected = [path for path in self.uncollected if path not in self.broken]


def _sort_out(
    report: TestReport,
    modules: set[str],
    is_test_path: Callable[[str], bool],
    workspace: str,
) -> _Sorted:
    classified = _Sorted(failures={}, uncollected=[], broken={}, passing=[], skipped=[])
    for path, raw in report.collection_errors.items():
        text = raw.replace(workspace, "")
        breakage = collection_breakage(path, text, modules, is_test_path)
        if breakage is not None:
            classified.broken[path] = breakage
            continue
        classified.uncollected.append(path)
        classified.failures[path] = TestResult(
            test_id=path, outcome=Outcome.ERROR, message=last_line(text)[:500], details=text
        )
    for test_id, result in report.results.items():
        if result.outcome in FAILING:
            breakage = environment_failure(result, modules)
            if breakage is not None:
                classified.broken[test_id] = breakage
            else:
                classified.failures[test_id] = result
        elif result.outcome in NOT_RUN:
            classified.skipped.append(test_id)
        else:
            classified.passing.append(test_id)
    return classified


def _restrict(classified: _Sorted, only: Sequence[str]) -> _Sorted:
    """Keep the failures that were asked for; a file or class stands for what is in it."""

    for path in classified.uncollected:
        if not is_selected(path, only):
            message = classified.failures[path].message[:200]
            classified.broken[path] = EnvironmentFailure(
                Cause.BROKEN_TEST, f"it cannot be collected ({message})"
            )
    classified.failures = {t: r for t, r in classified.failures.items() if is_selected(t, only)}
    classified.uncollected = [
        path for path in classified.uncollected if path in classified.failures
    ]
    return classified


def _run_again(
    open_session: OpenSession,
    runner: TestRunner,
    targets: list[str],
    first: TestReport,
    limits: BaselineLimits,
) -> dict[str, bool]:
    """Return which targets passed in a rerun (→ in all of them)."""
    passes: dict[str, int] = {}
    # A collection error is settled by the text of a file: running it again says nothing new.
    rerun_targets = [test_id for test_id in targets if test_id in first.results]
    if not rerun_targets:
        return {}

    def run(number: int) -> TestReport:
        with open_session() as session:
            return runner.run(
                session,
                rerun_targets[::-1] if number % 2 else rerun_targets,
                timeout_seconds=limits.whole_seconds,
                test_timeout_seconds=limits.test_seconds,
            )

    with ThreadPoolExecutor(limits.reruns) as pool:
        reports = list(pool.map(run, range(limits.reruns)))
    for report in reports:
        for test_id in rerun_targets:
            result = report.results.get(test_id)
            if result is not None and result.outcome is Outcome.PASSED:
                passes[test_id] = passes.get(test_id, 0) + 1
    return {test_id: count == limits.reruns for test_id, count in passes.items()}


def _settle_slow(
    open_session: OpenSession,
    runner: TestRunner,
    classified: _Sorted,
    passed_seconds: Collection[float],
    limits: BaselineLimits,
) -> None:
    """Tell slow tests from hanging ones: the slow ones move to `passing`.

    One is run again with more time; when that hangs too, the others are believed to hang.
    """
    hung = [test_id for test_id, result in classified.failures.items() if _hung(result)]
    minimum, maximum = limits.slow_test_seconds
    slow = min(maximum, max(minimum, 20 * max(passed_seconds, default=0.0)))
    for batch in (hung[:1], hung[1:]):
        if not batch:
            return
        with open_session() as session:
            report = runner.run(
                session,
                batch,
                timeout_seconds=limits.whole_seconds,
                test_timeout_seconds=slow,
            )
        finished_results = {t: r for t in batch if (r := report.results.get(t)) and not _hung(r)}
        for test_id, result in finished_results.items():
            if result.outcome is Outcome.PASSED:
                del classified.failures[test_id]
                classified.passing.append(test_id)
            else:
                classified.failures[test_id] = result
        if not finished_results:
            return


def _hung(result: TestResult | None) -> bool:
    return result is None or result.outcome is Outcome.TIMED_OUT


def _evidence(
    report: TestReport,
    classified: _Sorted,
    seconds: float,
    only: Sequence[str],
    modules: Collection[str],
) -> BaselineEvidence:
    failing = tuple(test_id for test_id in classified.failures if test_id not in classified.flaky)
    ending, reason = _ending(report, classified, failing, only, modules)
    return BaselineEvidence(
        baseline=Baseline(
            failing=failing,
            passing=tuple(classified.passing),
            flaky=tuple(classified.flaky),
            skipped=tuple(classified.skipped),
            set_aside={name: breakage.sentence for name, breakage in classified.broken.items()},
            seconds=seconds,
        ),
        failures={test_id: classified.failures[test_id] for test_id in failing},
        seconds={test_id: result.seconds for test_id, result in report.results.items()},
        order=tuple(report.results),
        uncollected=tuple(path for path in classified.uncollected if path in failing),
        order_dependent=tuple(test_id for test_id, always in classified.flaky.items() if always),
        outgrown_pytest=outgrown_pytest(report),
        ending=ending,
        reason=reason,
    )


def _ending(
    report: TestReport,
    classified: _Sorted,
    failing: tuple[str, ...],
    only: Sequence[str],
    modules: Collection[str],
) -> tuple[Status | None, str]:
    if failing:
        return None, ""
    if classified.flaky:
        return Status.FLAKY, _flaky_sentence(classified)
    if classified.broken and (not classified.passing or not only):
        return Status.ENVIRONMENT_BROKEN, _broken_sentence(classified)
    if not report.finished or pytest_gave_up(report):
        return Status.ENVIRONMENT_BROKEN, _cut_off_sentence(report, modules)
    if only:
        exists = any(is_selected(test_id, only) for test_id in report.results)
        if not exists:
            return Status.NO_TESTS, f"no test is called {', '.join(only)}"
        return Status.NOTHING_TO_FIX, f"{', '.join(only)} {'pass' if len(only) > 1 else 'passes'}"
    if not report.results:
        return Status.NO_TESTS, "no tests were found; name the command with --test"
    if not classified.passing:
        return Status.ENVIRONMENT_BROKEN, f"all {len(classified.skipped)} tests are skipped here"
    count = len(classified.passing)
    return Status.NOTHING_TO_FIX, f"all {count} tests pass" if count > 1 else "the only test passes"


def _flaky_sentence(classified: _Sorted) -> str:
    count = len(classified.flaky)
    first = next(iter(classified.flaky))
    subject = (
        f"{count} failing tests (first: {first})" if count > 1 else f"the failing test {first}"
    )
    if all(classified.flaky.values()):
        return (
            f"unchanged and without the others, {subject} passed in every rerun: this depends on "
            "the order of the tests or on chance, not on a bug that a patch could fix"
        )
    return f"unchanged, {subject} also passed when run again: this depends on chance"


def _broken_sentence(classified: _Sorted) -> str:
    by_cause: dict[tuple[Cause, str], list[str]] = {}
    for name, breakage in classified.broken.items():
        by_cause.setdefault((breakage.cause, breakage.sentence), []).append(name)
    (_, sentence), names = max(by_cause.items(), key=lambda item: len(item[1]))
    suffix = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{sentence} ({names[0]}{suffix})"


def _cut_off_sentence(report: TestReport, modules: Collection[str]) -> str:
    if report.command.timed_out:
        return (
            f"the tests did not end within {report.command.seconds:.0f} s; "
            "name fewer with --test or --only"
        )
    output = (report.command.stderr or report.command.stdout).strip()
    failure = startup_breakage(output, modules) or configuration_error(output)
    if failure is not None:
        return failure.sentence
    tail = output.rsplit("\n", 1)[-1]
    return f"the test runner ended early: {tail[:300] or 'it said nothing'}"
