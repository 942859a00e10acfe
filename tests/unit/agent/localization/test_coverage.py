"""Which tests have their lines recorded."""

from __future__ import annotations

import pytest

from agent.baseline.evidence import BaselineEvidence
from agent.localization.coverage import MAX_OTHER_PASSING_TESTS, RecordingPlan
from agent.records import Baseline
from sandbox.runners.base import Outcome, TestResult


@pytest.mark.parametrize(
    ("failing", "recorded"),
    [
        (("tests/shells", "tests/test_a.py::test_a"), ["tests/test_a.py::test_a"]),
        (("tests/shells",), ["tests/shells"]),
    ],
)
def test_what_cannot_be_collected_does_not_end_the_run_of_the_others(
    failing: tuple[str, ...], recorded: list[str]
) -> None:
    """A folder whose conftest.py fails ends a run of pytest before its first test."""
    baseline = Baseline(failing=failing, passing=())
    results = {t: TestResult(test_id=t, outcome=Outcome.FAILED) for t in failing}
    evidence = BaselineEvidence(
        baseline=baseline, failures=results, order=failing, uncollected=("tests/shells",)
    )
    assert RecordingPlan.of(evidence).failing == recorded


def test_passing_tests_beside_the_failing_ones_or_a_few_others() -> None:
    near, far = "test/a.js::b", [f"test/z.js::{number}" for number in range(50)]
    plan = RecordingPlan(failing=["test/a.js::a"], passing=[*far, near])
    assert plan.within_files().passing == [near]
    assert (
        list(RecordingPlan(failing=["test/a.js::a"], passing=far).within_files().passing)
        == (far[:MAX_OTHER_PASSING_TESTS])
    )
