"""Further runs of failing tests: which are flaky, which slow, and which no run finds again."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from agent.baseline.failures.classification import NOT_RUN, TestClassification
from agent.baseline.test_runs import TestRuns
from agent.untrusted_text import shortened
from sandbox.runners.base import FAILING, Outcome, TestReport, TestResult
from sandbox.runners.test_ids import named_file

UNSTEADY_ID = "its name differs from run to run, so that no patch can be judged by it"


def hung(result: TestResult | None) -> bool:
    return result is None or result.outcome is Outcome.TIMED_OUT


def run_again(runs: TestRuns, classified: TestClassification, first: TestReport) -> None:
    """Move what also passes unchanged to `flaky`, and what no run finds again to `blocked`."""
    # A collection error is settled by the text of a file: running it again says nothing new.
    targets = [
        test_id
        for test_id in classified.failing
        if test_id in first.results and not hung(classified.failures[test_id])
    ]
    if not targets or runs.time_is_over:
        return

    def run(number: int) -> TestReport:
        order = targets[::-1] if number % 2 else targets
        return runs.run(order, "running the failing tests again")[0]

    with ThreadPoolExecutor(runs.limits.reruns) as pool:
        reports = list(pool.map(run, range(runs.limits.reruns)))
    for test_id in targets:
        passes = [_ended_well(report, test_id) for report in reports]
        if any(passes):
            classified.flaky[test_id] = all(passes)
        elif all(report.finished and test_id not in report.results for report in reports):
            classified.blocked[test_id] = UNSTEADY_ID


def _ended_well(report: TestReport, test_id: str) -> bool:
    """Whether a test did not fail in a run: one that is skipped, or fails as expected, did not."""
    result = report.results.get(test_id)
    return result is not None and result.outcome not in FAILING


def settle_slow(
    runs: TestRuns, classified: TestClassification, passed_seconds: Collection[float]
) -> None:
    """Tell slow tests from hanging ones: the slow ones move to `passing`, or to `skipped` where
    they end so.

    One is run again with more time; when that hangs too, the others are believed to hang.
    """
    targets = [test_id for test_id in classified.failing if hung(classified.failures[test_id])]
    minimum, maximum = runs.limits.slow_test_seconds
    slow = min(maximum, max(minimum, 20 * max(passed_seconds, default=0.0)))
    for batch in (targets[:1], targets[1:]):
        if not batch or runs.time_is_over:
            return
        report, _ = runs.run(batch, "giving slow tests more time", test_seconds=slow)
        settled_tests = [test_id for test_id in batch if _settle(report, test_id, classified)]
        if not settled_tests:
            return


def _settle(report: TestReport, test_id: str, classified: TestClassification) -> bool:
    """Take what a run with more time says of a test; False where it hangs again."""
    result = report.results.get(test_id)
    if result is None:
        return False
    if result.outcome not in FAILING:
        del classified.failures[test_id]
        group = classified.skipped if result.outcome in NOT_RUN else classified.passing
        group.append(test_id)
        classified.settled_seconds[test_id] = result.seconds
    elif hung(result):
        if _moved_on(classified.failures[test_id], result):
            classified.blocked[test_id] = (
                f"it is slow: it moved on, and was not through after {result.seconds:.0f} s"
            )
        classified.failures[test_id] = result
        return False
    else:
        classified.failures[test_id] = result
    return True


def _moved_on(earlier: TestResult, later: TestResult) -> bool:
    """Whether a test stood at another line of its own file after more time."""
    places = [_own_line(result) for result in (earlier, later)]
    return None not in places and places[0] != places[1]


def _own_line(result: TestResult) -> int | None:
    path = named_file(result.test_id)
    lines = [frame.line for frame in result.frames if frame.path == path]
    return lines[0] if lines else None


def block_waiting(classified: TestClassification) -> None:
    """Set aside what waits outside the project's code until its time is over, where other tests
    fail by themselves: those can be repaired, and this one mostly needs something that is not here.

    A test that hangs in the project's own code is a failure like another.
    """
    failures = {test_id: classified.failures[test_id] for test_id in classified.failing}
    if all(hung(result) for result in failures.values()):
        return
    for test_id, place in ((t, shortened(r.waits, 100)) for t, r in failures.items() if r.waits):
        classified.blocked[test_id] = (
            f"it waits in {place} until its time is over, outside the project's code"
        )
