"""How a baseline ends a repair."""

from __future__ import annotations

import pytest

from agent.baseline.ending import ending_of
from agent.baseline.failures.classification import TestClassification
from agent.baseline.failures.environment_failures import Cause, EnvironmentFailure
from agent.records import Status
from sandbox.base import CommandResult
from sandbox.runners.base import Outcome, TestReport, TestResult

NEEDS_NETWORK = EnvironmentFailure(Cause.NETWORK, "the tests need the network")
NEEDS_MODULE = EnvironmentFailure(Cause.MISSING_MODULE, "numpy is missing")

NO_SUBMODULE = EnvironmentFailure(Cause.MISSING_FILES, "the submodule data is empty here")


@pytest.mark.parametrize(
    ("passing", "broken", "status"),
    [
        (3, {"t::a": NEEDS_NETWORK}, Status.NOTHING_TO_FIX),
        (2, {"t::a": NEEDS_NETWORK, "t.py": NO_SUBMODULE}, Status.NOTHING_TO_FIX),
        (0, {"t::a": NO_SUBMODULE}, Status.ENVIRONMENT_BROKEN),
        (1, {"t::a": NEEDS_NETWORK, "t::b": NEEDS_NETWORK}, Status.ENVIRONMENT_BROKEN),
        (0, {"t::a": NEEDS_NETWORK}, Status.ENVIRONMENT_BROKEN),
        (3, {"t::a": NEEDS_NETWORK, "t::b": NEEDS_MODULE}, Status.ENVIRONMENT_BROKEN),
    ],
)
def test_a_few_tests_of_what_no_sandbox_has_are_named_and_break_nothing(
    passing: int, broken: dict[str, EnvironmentFailure], status: Status
) -> None:
    names = [f"t::passes{number}" for number in range(passing)]
    results = {name: TestResult(test_id=name, outcome=Outcome.PASSED) for name in names}
    command = CommandResult(exit_code=1, stdout="", stderr="", seconds=1.0)
    report = TestReport(results=results, finished=True, command=command)
    ended, reason = ending_of(report, TestClassification(passing=names, broken=broken), (), ())
    assert ended is status
    assert "t::a" in reason
    if len(broken) == 1 and status is Status.NOTHING_TO_FIX:
        assert reason == (
            "3 tests pass; 1 other cannot run here: the tests need the network (t::a); give a test "
            "command that leaves them out with --test"
        )


def test_what_is_skipped_everywhere_is_said_once() -> None:
    skipped = {
        name: TestResult(test_id=name, outcome=Outcome.SKIPPED, message="needs numpy")
        for name in ("t::a", "t::b")
    }
    command = CommandResult(exit_code=0, stdout="", stderr="", seconds=1.0)
    report = TestReport(results=skipped, finished=True, command=command)
    ending = ending_of(report, TestClassification(skipped=list(skipped)), (), ())
    assert ending == (
        Status.ENVIRONMENT_BROKEN,
        "all 2 tests are skipped here (needs numpy); install what they ask for with --install",
    )
