"""How a baseline ends a repair."""

from __future__ import annotations

from agent.baseline.classification import Classified
from agent.baseline.ending import ending_of
from agent.records import Status
from sandbox.base import CommandResult
from sandbox.runners.base import Outcome, TestReport, TestResult


def test_what_is_skipped_everywhere_is_said_once() -> None:
    skipped = {
        name: TestResult(test_id=name, outcome=Outcome.SKIPPED, message="needs numpy")
        for name in ("t::a", "t::b")
    }
    command = CommandResult(exit_code=0, stdout="", stderr="", seconds=1.0)
    report = TestReport(results=skipped, finished=True, command=command)
    ending = ending_of(report, Classified(skipped=list(skipped)), (), ())
    assert ending == (
        Status.ENVIRONMENT_BROKEN,
        "all 2 tests are skipped here (needs numpy); install what they ask for with --install",
    )
