"""Limits and routing: pure functions of the state."""

from __future__ import annotations

from math import inf
from typing import Any

from langgraph.graph import END

from agent.graph.budget import (
    patience_seconds,
    repair_seconds_left,
    search_seconds_left,
    spent_seconds,
)
from agent.graph.routing import after_baseline, after_prepare, after_propose, after_validate
from agent.graph.state import RepairState
from agent.records import Budget, RepairJob
from agent.serialization import plain, restore


def state(**changes: Any) -> RepairState:
    job = RepairJob(run_id="r", target=".", budget=Budget(max_seconds=100, max_candidates=10))
    values: RepairState = {
        "job": plain(job),
        "seconds": {"prepare": 20.0, "baseline": 10.0, "propose": 30.0},
        "proposed": [],
        "exhausted": False,
        "candidates_tried": 0,
    }
    return values | RepairState(**changes)


def test_records_survive_the_checkpoint_form() -> None:
    job = RepairJob(run_id="r", target=".", only=("a", "b"), budget=Budget(max_seconds=3))
    assert restore(RepairJob, plain(job)) == job
    assert isinstance(plain(job)["only"], list)


def test_the_limit_is_that_of_the_whole_repair() -> None:
    assert spent_seconds(state()) == 60.0
    assert repair_seconds_left(state()) == 40.0


def test_the_search_leaves_time_for_a_verdict() -> None:
    assert search_seconds_left(state(evidence={"baseline": {"seconds": 4.0}})) == 32.0
    assert search_seconds_left(state(evidence={"baseline": {"seconds": 90.0}})) == 15.0


def test_patience_is_half_the_time_to_the_first_patch_within_bounds() -> None:
    assert patience_seconds(state()) == inf
    assert patience_seconds(state(first_plausible_seconds=30.0)) == 15.0
    assert patience_seconds(state(first_plausible_seconds=28.0)) == 12.0
    assert patience_seconds(state(first_plausible_seconds=29.0, seconds={"propose": 29.0})) > 0
    assert patience_seconds(state(first_plausible_seconds=1.0)) < 0


def test_a_slow_verdict_does_not_use_up_the_patience() -> None:
    seconds = {"propose": 2.0, "validate": 60.0}
    assert patience_seconds(state(first_plausible_seconds=2.0, seconds=seconds)) == 4.0


def test_the_routes_follow_the_diagram() -> None:
    assert after_prepare(state()) == "baseline"
    assert after_prepare(state(ending={})) == END
    assert after_baseline(state(ending={})) == END
    assert after_propose(state(proposed=[{}])) == "validate"
    assert after_propose(state()) == "propose"
    assert after_propose(state(exhausted=True)) == "select"
    assert after_validate(state()) == "propose"
    assert after_validate(state(candidates_tried=10)) == "select"
    assert after_validate(state(seconds={"propose": 100.0})) == "select"
