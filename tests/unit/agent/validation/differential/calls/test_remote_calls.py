"""What the check by remote calls says of a test that has no ending there."""

from __future__ import annotations

from typing import Any

import pytest

from agent.validation.differential.calls.remote_calls import _check_result
from sandbox.languages.python.runners.split.reports import SplitRunReport
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
