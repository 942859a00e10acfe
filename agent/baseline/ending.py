"""How a baseline ends a repair, in one sentence that names the next thing to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agent.baseline.failures.classification import TestClassification
from agent.baseline.failures.configuration_errors import configuration_error
from agent.baseline.failures.environment_failures import Cause, pytest_gave_up, startup_breakage
from agent.baseline.failures.startup_output import telling_line
from agent.records import Status
from agent.wording import counted, only_option
from sandbox.runners.base import FAILING, Outcome, TestReport
from sandbox.runners.test_ids import is_selected

PYTEST_INTERRUPTED_EXIT_CODE = 2
"""https://docs.pytest.org/en/stable/reference/exit-codes.html"""
LEAVE_OUT = "give a test command that leaves them out with --test"
_ADVICE = {
    Cause.NETWORK: LEAVE_OUT,
    Cause.SERVICE: LEAVE_OUT,
    Cause.MISSING_PROGRAM: f"put it into the base image (REPAIR_DOCKER_IMAGE), or {LEAVE_OUT}",
    Cause.BROKEN_TEST: "mend it, or leave it out with --test",
}
"""Of causes whose sentence does not say what to do."""
_NOT_OF_THE_ENVIRONMENT = frozenset((Cause.NETWORK, Cause.SERVICE, Cause.MISSING_FILES))
"""No sandbox has the first two, and an installation brings no files of the repository."""


def ending_of(
    report: TestReport,
    classified: TestClassification,
    only: Sequence[str],
    modules: Collection[str],
) -> tuple[Status | None, str]:
    """Status and reason where there is nothing to repair; None where there is."""
    if report.command.timed_out and not (only and (classified.failing or classified.flaky)):
        return Status.BUDGET_EXHAUSTED, _cut_off(report, classified)
    if classified.failing:
        return None, ""
    if classified.flaky:
        return Status.FLAKY, _flaky(classified)
    if classified.broken and not (classified.passing and (only or _out_of_reach(classified))):
        return Status.ENVIRONMENT_BROKEN, _broken(classified)
    if not report.finished or pytest_gave_up(report) or _ended_itself(report):
        return Status.ENVIRONMENT_BROKEN, _startup(report, modules)
    if only:
        return _named(report, only)
    if not report.results:
        return Status.NO_TESTS, "no tests were found; name the command with --test"
    if not classified.passing and classified.skipped and not classified.blocked:
        return Status.ENVIRONMENT_BROKEN, _all_skipped(report, classified)
    return Status.NOTHING_TO_FIX, _nothing_to_fix(classified)


def _ended_itself(report: TestReport) -> bool:
    """Whether a hook of the project ended the run (`pytest.exit`) before there was any test."""
    results = report.results or report.collection_errors
    return not results and report.command.exit_code == PYTEST_INTERRUPTED_EXIT_CODE


def _named(report: TestReport, only: Sequence[str]) -> tuple[Status, str]:
    absent = [name for name in only if not any(is_selected(t, [name]) for t in report.results)]
    if len(absent) == len(only):
        sentence = f"no test is called {', '.join(only)}"
        return (
            Status.NO_TESTS,
            f"{sentence}; --only takes FILE or FILE::NAME, as pytest prints it",
        )
    verb = "pass" if len(only) > 1 or len(report.results) > 1 else "passes"
    names = ", ".join(name for name in only if name not in absent)
    clause = f", and no test is called {', '.join(absent)}" if absent else ""
    return (
        Status.NOTHING_TO_FIX,
        f"{names} {verb} when run without the other tests{clause}; without --only all are run",
    )


def _out_of_reach(classified: TestClassification) -> bool:
    """Whether a few tests alone cannot run, for want of what no environment would bring."""
    causes = {breakage.cause for breakage in classified.broken.values()}
    return causes <= _NOT_OF_THE_ENVIRONMENT and len(classified.broken) <= len(classified.passing)


def _nothing_to_fix(classified: TestClassification) -> str:
    count = len(classified.passing)
    sentence = f"all {count} tests pass" if count > 1 else "the only test passes"
    if classified.broken:
        verb = "passes" if count == 1 else "pass"
        remainder = counted(len(classified.broken), "other")
        tests = f"{counted(count, 'test')} {verb}"
        return f"{tests}; {remainder} cannot run here: {_broken(classified)}"
    if classified.blocked:
        test_id, why = next(iter(classified.blocked.items()))
        more = f" and {len(classified.blocked) - 1} more" if len(classified.blocked) > 1 else ""
        also = f"{test_id}{more}: {why}"
        sentence = f"{counted(count, 'test')} pass, and what does not is set aside ({also})"
        return f"{sentence}; {only_option(test_id)} takes it for a failure"
    return f"{sentence}; --issue takes a description of a fault that no test shows"


def _cut_off(report: TestReport, classified: TestClassification) -> str:
    failures = [t for t, result in report.results.items() if result.outcome in FAILING]
    count = len(report.results) - sum(_was_cut(report, test_id) for test_id in failures)
    of = f" of {report.collected:,}" if report.collected else ""
    if not report.results:
        where = "while the tests were collected"
    else:
        where = f"after {count:,}{of} tests ({len(classified.passing):,} passed, "
        where += f"{len(failures):,} did not)"
    name = f": {only_option(classified.failing[0])}" if classified.failing else " with --only"
    return (
        f"the time was over {where}, {report.command.seconds:.0f} s into the first test run; raise "
        f"--max-seconds, or name a failing test{name}"
    )


def _was_cut(report: TestReport, test_id: str) -> bool:
    """Whether the end of the whole run is all that is known of a test."""
    result = report.results[test_id]
    return result.outcome is Outcome.TIMED_OUT and "whole run" in result.message


def _flaky(classified: TestClassification) -> str:
    count = len(classified.flaky)
    first = next(iter(classified.flaky))
    subject = (
        f"{count} failing tests (first: {first})" if count > 1 else f"the failing test {first}"
    )
    if all(classified.flaky.values()):
        return (
            f"unchanged and without the others, {subject} passed in every rerun: this depends on "
            "the order of the tests or on chance, not on a bug that a patch could fix; find the "
            "test that leaves something behind, by running fewer of the others before it"
        )
    return (
        f"unchanged, {subject} also passed when run again: this depends on chance; make it fail "
        "each time (fix the seed, the clock or the order), then a patch can be judged by it"
    )


def _broken(classified: TestClassification) -> str:
    by_cause: dict[tuple[Cause, str], list[str]] = {}
    for name, breakage in classified.broken.items():
        by_cause.setdefault((breakage.cause, breakage.sentence), []).append(name)
    (cause, sentence), names = max(by_cause.items(), key=lambda item: len(item[1]))
    suffix = f" and {len(names) - 1} more" if len(names) > 1 else ""
    advice = "" if "--" in sentence else _ADVICE.get(cause, "")
    return f"{sentence} ({names[0]}{suffix})" + (f"; {advice}" if advice else "")


def _all_skipped(report: TestReport, classified: TestClassification) -> str:
    count = len(classified.skipped)
    first = classified.skipped[0]
    why = report.results[first].message[:200] if first in report.results else ""
    subject = (
        f"all {count} tests are skipped here" if count > 1 else "the only test is skipped here"
    )
    reason = f" ({why})" if why else ""
    return f"{subject}{reason}; install what they ask for with --install"


def _startup(report: TestReport, modules: Collection[str]) -> str:
    output = (report.command.stderr or report.command.stdout).strip()
    failure = startup_breakage(output, modules) or configuration_error(output)
    if failure is not None:
        return failure.sentence
    line = telling_line(output) or "it said nothing"
    return f"the test runner ended early: {line}; --test names another command"
