"""Slow tests are told from hanging ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.failures.classification import TestClassification
from agent.baseline.reruns import run_again, settle_slow
from sandbox.base import CommandResult
from sandbox.runners.base import Outcome, TestReport, TestResult

RAN = CommandResult(exit_code=0, stdout="", stderr="", seconds=0.0)


class Runs:
    limits = SimpleNamespace(slow_test_seconds=(1.0, 2.0), reruns=2)
    time_is_over = False

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def run(self, tests: list[str], *_: Any, **__: Any) -> tuple[TestReport, str]:
        results = {t: TestResult(test_id=t, outcome=self.outcome, seconds=9.0) for t in tests}
        return TestReport(results=results, finished=True, command=RAN), ""


@pytest.mark.parametrize(
    ("outcome", "group"),
    [
        (Outcome.PASSED, "passing"),
        (Outcome.XPASSED, "passing"),
        (Outcome.XFAILED, "skipped"),
        (Outcome.SKIPPED, "skipped"),
    ],
)
def test_what_ends_well_with_more_time_does_not_fail(outcome: Outcome, group: str) -> None:
    slow = TestResult(test_id="t", outcome=Outcome.TIMED_OUT)
    classified = TestClassification(failures={"t": slow})
    runs: Any = Runs(outcome)
    settle_slow(runs, classified, [])
    assert classified.failing == ()
    assert getattr(classified, group) == ["t"]


def test_what_fails_with_more_time_fails() -> None:
    classified = TestClassification(
        failures={"t": TestResult(test_id="t", outcome=Outcome.TIMED_OUT)}
    )
    runs: Any = Runs(Outcome.ERROR)
    settle_slow(runs, classified, [])
    assert classified.failures["t"].outcome is Outcome.ERROR


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED])
def test_what_does_not_fail_again_is_flaky(outcome: Outcome) -> None:
    failed = TestResult(test_id="t", outcome=Outcome.FAILED)
    classified = TestClassification(failures={"t": failed})
    runs: Any = Runs(outcome)
    run_again(runs, classified, TestReport(results={"t": failed}, finished=True, command=RAN))
    assert classified.failing == ()
    assert classified.flaky == {"t": True}
