"""Changes that no failing test needs are said and kept."""

from __future__ import annotations

import pytest

from agent.records import CandidatePatch
from agent.selection import unneeded_changes as subject
from agent.selection.unneeded_changes import (
    MAX_CHECK_SECONDS,
    MAX_CHECKED_CHANGES,
    unneeded_changes,
)
from sandbox.source import SourceEdit

BASE = b"".join(b"line %d\n" % number for number in range(1, 40))


def candidate(*lines: int) -> CandidatePatch:
    text = BASE.decode()
    edits = [
        SourceEdit("m.py", start, start + 4, "LINE")
        for line in lines
        for start in [text.index(f"line {line}\n")]
    ]
    return CandidatePatch(edits=tuple(edits), proposer="model", operator="x", description="d")


def test_each_place_is_left_out_in_turn() -> None:
    asked: list[CandidatePatch] = []

    def still_passes(smaller: CandidatePatch) -> bool:
        asked.append(smaller)
        return len(asked) == 2

    said = list(unneeded_changes(candidate(3, 9, 20), lambda path: BASE, still_passes))
    assert said == ["no failing test needs the change at m.py:9; it was kept"]
    assert [len(one.edits) for one in asked] == [2, 2, 2]


def test_one_place_or_too_many_cost_nothing() -> None:
    def never(smaller: CandidatePatch) -> bool:
        raise AssertionError(smaller)

    many = range(1, 2 * MAX_CHECKED_CHANGES + 3, 2)
    for lines in ((3,), many):
        assert list(unneeded_changes(candidate(*lines), lambda path: BASE, never)) == []


def test_what_there_was_no_time_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((0.0, 0.0, MAX_CHECK_SECONDS))
    monkeypatch.setattr(subject.time, "monotonic", lambda: next(times))
    said = list(unneeded_changes(candidate(3, 9, 20), lambda path: BASE, lambda smaller: False))
    assert said == [
        "not looked at: whether the failing tests need 2 of 3 changes; it would take too long"
    ]
