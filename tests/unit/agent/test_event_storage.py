"""Events on their way through the store and the network."""

from __future__ import annotations

import json

import pytest

from agent.event_storage import RECORDS, from_wire, to_wire
from agent.events import (
    BaselineTaken,
    CandidateValidated,
    Event,
    Localized,
    Progress,
    SearchProgress,
    StageEnded,
    StageStarted,
    Warned,
)
from agent.records import Baseline, SuspiciousLine

LINE = SuspiciousLine(path="a.py", line=3, score=0.5, ochiai=0.4, dstar=2.0, reasons=("words",))
EVENTS: tuple[Event, ...] = (
    StageStarted(stage="prepare"),
    StageEnded(stage="prepare", seconds=1.5, summary="ok"),
    Progress(text="installing"),
    Warned(text="slow"),
    BaselineTaken(baseline=Baseline(failing=("t::a",), passing=("t::b",))),
    Localized(lines=(LINE,)),
    SearchProgress(tried=3, per_second=1.5, best="`<` → `<=`"),
    CandidateValidated(plausible=False, description="x", objections=("broke t::b",)),
)


def test_each_kind_of_event_is_tried_here() -> None:
    assert {to_wire(event)[0] for event in EVENTS} == set(RECORDS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: to_wire(event)[0])
def test_there_and_back(event: Event) -> None:
    kind, data = json.loads(json.dumps(to_wire(event)))
    assert from_wire(kind, data) == event


def test_what_another_version_says_is_left_out() -> None:
    assert from_wire("ended", {"outcome": "repaired"}) is None
    assert from_wire("stage_started", {"name": "prepare"}) is None
