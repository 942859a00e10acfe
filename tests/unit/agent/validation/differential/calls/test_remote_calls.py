"""What the check by remote calls says of a test that has no ending there."""

from __future__ import annotations

from typing import Any

import pytest

from agent.validation.differential.calls.remote_calls import (
    CheckResult,
    _check_result,
    _failed_apart,
    _passed,
)
from sandbox.languages.python.runners.split.reports import CallReport, SplitRunReport
from sandbox.runners.base import Outcome, TestReport, TestResult


@pytest.mark.parametrize(
    ("outcome", "finished", "said"),
    [
        (Outcome.TIMED_OUT, True, "ran out of time"),
        (Outcome.CRASHED, True, "crashed"),
        (None, False, "ended before it"),
        (None, True, "was not run"),
    ],
)
def test_a_missing_ending_is_named(outcome: Outcome | None, finished: bool, said: str) -> None:
    results = {} if outcome is None else {"t": TestResult(test_id="t", outcome=outcome)}
    command: Any = None
    report = TestReport(results=results, finished=finished, command=command)
    split = SplitRunReport(report=report, calls={}, questions=(), asked={})
    (unsure,) = _check_result(split, ["t"], (), "").unsure
    assert unsure.startswith("t: ")
    assert said in unsure


def _run(outcome: Outcome, calls: CallReport) -> SplitRunReport:
    command: Any = None
    results = {"t": TestResult(test_id="t", outcome=outcome)}
    report = TestReport(results=results, finished=True, command=command)
    return SplitRunReport(report=report, calls={"t": calls}, questions=(), asked={})


@pytest.mark.parametrize(
    ("outcome", "calls", "names"),
    [
        (Outcome.FAILED, CallReport(asked=1), ["t"]),
        (Outcome.PASSED, CallReport(asked=1, foreign="an object of its own"), ["t"]),
        (Outcome.PASSED, CallReport(asked=1), []),
        (Outcome.TIMED_OUT, CallReport(asked=1), []),
        (Outcome.FAILED, CallReport(), []),
        (Outcome.PASSED, CallReport(asked=1, unsure=("a new class",)), ["t"]),
    ],
)
def test_a_passing_test_that_fails_apart_is_named(
    outcome: Outcome, calls: CallReport, names: list[str]
) -> None:
    assert list(_failed_apart(_run(outcome, calls))) == names


def test_nothing_is_said_of_a_test_that_the_base_cannot_answer_either() -> None:
    assert _passed(_run(Outcome.PASSED, CallReport(asked=1)), "t")
    assert not _passed(_run(Outcome.FAILED, CallReport(asked=1)), "t")
    assert not _passed(_run(Outcome.PASSED, CallReport(foreign="an object")), "t")
    assert not _passed(_run(Outcome.PASSED, CallReport(unsure=("a lock",))), "t")
    assert CheckResult(apart=("a",), unseen=("b",)).cautions == ("a", "b")
