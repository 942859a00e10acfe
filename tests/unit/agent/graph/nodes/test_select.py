"""What is said when nothing was found."""

from __future__ import annotations

from typing import Any

from agent.graph.nodes.select import nothing_found
from agent.records import Budget, RepairJob, Status
from agent.serialization import plain


def test_a_model_that_never_answered_is_named() -> None:
    job = RepairJob(run_id="r", target=".", model_url="http://gpu:8000/v1")
    place = {"searched": 11.0, "turns": 0, "candidates": 0, "endings": []}
    state: Any = {
        "job": {"budget": plain(Budget())},
        "seconds": {"propose": 400.0},
        "exhausted": False,
        "portfolio": place,
    }
    ending = nothing_found(state, job)
    assert ending.status is Status.BUDGET_EXHAUSTED
    assert "the model at http://gpu:8000/v1 gave no answer in that time" in ending.reason
    place.update(turns=2, candidates=1)
    assert "made 1 of them in 2 turns" in nothing_found(state, job).reason


def test_a_failing_test_that_can_be_repaired_by_itself_is_named() -> None:
    job = RepairJob(run_id="r", target=".")
    state: Any = {"job": plain(job), "exhausted": True, "candidates_tried": 7, "turned": ["t::a"]}
    reason = nothing_found(state, job).reason
    assert reason.endswith("alone t::a can be made to pass: `--only t::a` looks for a patch of it")


def test_sites_that_were_skipped_are_said() -> None:
    job = RepairJob(run_id="r", target=".")
    said = "2 sites skipped where an operator failed (conditions.propose)"
    state: Any = {
        "job": plain(job),
        "exhausted": True,
        "candidates_tried": 7,
        "failed_operators": said,
    }
    assert nothing_found(state, job).reason.endswith(f"; {said}")
