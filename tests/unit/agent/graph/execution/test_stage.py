"""How a node ends that fails, or that the end of the time meets."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from agent.baseline.failures.grouping import TestGroup
from agent.events import Event, StageEnded
from agent.graph.execution.stage import carry_out
from agent.graph.outcome import Ending
from agent.graph.state import RepairState
from agent.model.errors import ModelUnavailable
from agent.records import Status
from agent.serialization import plain
from sandbox.errors import EnvironmentBroken, SandboxDied
from tests.unit.agent.graph.test_rounds import LOCALE, baseline_of, begun, patch

LEFT = {"tests": ["a"], "patches": [patch("p", "a")]}


def walk(
    node: Any, state: RepairState, *, overdue: bool = False, heard: list[Event] | None = None
) -> dict[str, Any]:
    """The update of a node; `overdue`: the sandboxes were closed while it worked."""
    events = [] if heard is None else heard
    context: Any = SimpleNamespace(
        stop=threading.Event(),
        overdue=threading.Event(),
        listen=events.append,
        time_limit=lambda *_: contextlib.nullcontext(),
        seconds_left=lambda: 100.0,
        doing="",
        unfinished=None,
    )
    if overdue:
        context.overdue.set()
    return carry_out(node, state, context)


@pytest.mark.parametrize(
    "error", [ModelUnavailable("no answer"), EnvironmentBroken("no pip\nlog"), SandboxDied("gone")]
)
def test_an_error_in_a_later_round_leaves_what_an_earlier_one_repaired(error: Exception) -> None:
    def propose(_state: RepairState, _context: Any) -> Mapping[str, Any]:
        raise error

    groups = TestGroup(tests=("a",)), TestGroup(tests=("b",))
    with pytest.raises(type(error)):
        walk(propose, begun(*groups))
    update = walk(propose, begun(*groups, repaired=LEFT))
    assert update["ending"]["status"] == Status.REPAIRED_IN_PART
    first_line = str(error).partition("\n")[0]
    assert update["ending"]["reason"] == (
        "p; 1 of 2 failing tests passes with it, and 1 stays red; "
        f"propose then ended with an error: {first_line}"
    )
    assert update["plausible"] == LEFT["patches"]
    assert baseline_of(update).failing == ("a",)


@pytest.mark.parametrize("status", [Status.NOT_REPAIRED, Status.FLAKY])
def test_a_test_that_failed_in_a_closed_sandbox_refutes_no_patch(status: Status) -> None:
    def select(_state: RepairState, _context: Any) -> Mapping[str, Any]:
        refuted = Ending(status, "it passes only now and then")
        return {"ending": plain(refuted), "plausible": [], "evidence": {}, "judged": []}

    state = begun(TestGroup(tests=("a",)), plausible=[patch("p", "a")])
    update = walk(select, state, overdue=True)
    assert update["ending"]["status"] == Status.BUDGET_EXHAUSTED
    assert "a patch that passed the verdict is kept" in update["ending"]["reason"]
    assert "plausible" not in update
    assert "evidence" not in update
    assert walk(select, state)["plausible"] == [], "in time it counts"


def test_the_time_over_in_a_later_round_says_so_beside_what_was_repaired() -> None:
    def select(_state: RepairState, _context: Any) -> Mapping[str, Any]:
        raise SandboxDied("closed")

    state = begun(TestGroup(tests=("a",)), LOCALE, repaired=LEFT, plausible=[patch("q", "locale")])
    update = walk(select, state, overdue=True)
    assert update["ending"]["status"] == Status.REPAIRED_IN_PART
    assert "1 stays red; the 600 s are over" in update["ending"]["reason"]
    assert "is kept" not in update["ending"]["reason"]
    assert update["plausible"] == LEFT["patches"]


@pytest.mark.parametrize("overdue", [False, True])
def test_a_stage_that_the_end_of_the_time_met_is_told_as_cut_off(overdue: bool) -> None:
    heard: list[Event] = []

    def prepare(_state: RepairState, _context: Any) -> Mapping[str, Any]:
        return {"summary": "calc"}

    update = walk(prepare, begun(), overdue=overdue, heard=heard)
    [ended] = [event for event in heard if isinstance(event, StageEnded)]
    assert ended.cut_off is overdue
    assert ("was not through" in ended.summary) is overdue
    assert "cut_off" not in update
