"""Test outcomes of a run against the tests expected in it; a missing test has not passed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sandbox.runners.base import FAILING, Outcome, TestReport, TestResult
from sandbox.runners.test_ids import contains

MISSING = "missing"
MAX_KEPT_FAILURES = 20
MAX_KEPT_CHARACTERS = 4_000
"""Of the message, and of the details, of one failure."""
FAILING_TEST = "the failing test"
PASSING_TEST = "the passing test"
QUIET_TEST = "the test that was skipped or expected to fail"
"""How an objection begins that speaks of one test, or of more tests of that kind."""
PASSED = frozenset({Outcome.PASSED, Outcome.XPASSED})


def outcomes(
    report: TestReport, expected_tests: Sequence[str], containers: Collection[str] = ()
) -> dict[str, str]:
    """Expected test → outcome, `missing` when the runner never reported it.

    A container (a file that could not be collected before) has passed when at least one
    test in it ran and all of them did no worse than skip.
    """
    outcome_by_test: dict[str, str] = {}
    for test_id in expected_tests:
        if test_id in containers:
            outcome_by_test[test_id] = _of_container(report, test_id)
        else:
            result = report.results.get(test_id)
            outcome_by_test[test_id] = result.outcome.value if result is not None else MISSING
    return outcome_by_test


def _of_container(report: TestReport, container: str) -> str:
    if container in report.collection_errors:
        return Outcome.ERROR.value
    container_outcomes = [
        r.outcome for test_id, r in report.results.items() if contains(container, test_id)
    ]
    failing_outcomes = [outcome for outcome in container_outcomes if outcome in FAILING]
    if failing_outcomes:
        return failing_outcomes[0].value
    return Outcome.PASSED.value if Outcome.PASSED in container_outcomes else MISSING


def newly_failing(report: TestReport, quiet: Collection[str]) -> dict[str, str]:
    """Tests that were skipped or expected to fail, and now fail → outcome.

    They need not pass, but a run that they turn red is no repair: a strict `xfail` whose test
    passes is a failure, and so is one that fails in another way than it names.
    https://docs.pytest.org/en/stable/how-to/skipping.html#strict-parameter
    """
    outcome_by_test: dict[str, str] = {}
    for test_id in quiet:
        result = report.results.get(test_id)
        if result is not None and result.outcome in FAILING:
            outcome_by_test[test_id] = result.outcome.value
        elif result is None and any(contains(path, test_id) for path in report.collection_errors):
            outcome_by_test[test_id] = Outcome.ERROR.value
    return outcome_by_test


def not_passed(outcome_by_test: Mapping[str, str]) -> tuple[str, ...]:
    """Tests that did not pass, of those expected to (one marked `xfail` that passes did)."""
    return tuple(test_id for test_id, outcome in outcome_by_test.items() if outcome not in PASSED)


def sentences(outcome_by_test: Mapping[str, str], group: str, limit: int = 5) -> tuple[str, ...]:
    """One objection for each test that did not pass; the rest are counted."""
    failing_tests = not_passed(outcome_by_test)
    lines = [
        f"{group} {test_id} is {outcome_by_test[test_id].replace('_', ' ')}"
        for test_id in failing_tests[:limit]
    ]
    if len(failing_tests) > limit:
        plural = group.removeprefix("the ").replace("test", "tests", 1).replace("was", "were", 1)
        lines.append(f"{len(failing_tests) - limit} more {plural} did not pass")
    return tuple(lines)


def failures_of(report: TestReport, tests: Sequence[str]) -> dict[str, TestResult]:
    """How these tests ended, the first few; before them their files that could not be collected."""
    errors = {
        path: _uncollected(path, text)
        for path, text in report.collection_errors.items()
        if any(path == test_id or contains(path, test_id) for test_id in tests)
    }
    ends = {test_id: _end(test_id, report) for test_id in tests if test_id not in errors}
    return {
        test_id: replace(
            result,
            message=result.message[:MAX_KEPT_CHARACTERS],
            details=result.details[-MAX_KEPT_CHARACTERS:],
            printed=result.printed[-MAX_KEPT_CHARACTERS:],
        )
        for test_id, result in [*errors.items(), *ends.items()][:MAX_KEPT_FAILURES]
    }


def _uncollected(path: str, text: str) -> TestResult:
    last_line = text.strip().rsplit("\n", 1)[-1]
    return TestResult(test_id=path, outcome=Outcome.ERROR, message=last_line, details=text)


def _end(test_id: str, report: TestReport) -> TestResult:
    result = report.results.get(test_id)
    if result is not None:
        return result
    lies_in = [path for path in report.collection_errors if contains(path, test_id)]
    why = f"{lies_in[0]} could not be collected" if lies_in else "no test of this name was run"
    return TestResult(test_id=test_id, outcome=Outcome.ERROR, message=why)
