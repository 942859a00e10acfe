"""How an end is announced: how much passes and how surely, in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.records import Baseline, Confidence, RepairResult, Status, Verdict, Verification
from agent.selection.announcement import announcement, verified_status
from tests.support.cli_records import make_result, plausible_in_part, plausible_result

RED = Baseline(failing=("a",), passing=("b",), still_red=("r",))


def not_calibrated() -> RepairResult:
    result = plausible_result()
    assert result.patch is not None
    sure = Confidence(value=0.45, calibrated=False)
    return replace(result, patch=replace(result.patch, confidence=sure))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (make_result(), "Repair"),
        (make_result(status=Status.REPAIRED_IN_PART, baseline=RED), "Repair in part"),
        (plausible_result(), "Plausible, 45 % sure"),
        (plausible_in_part(), "Plausible in part, 45 % sure"),
        (not_calibrated(), "Plausible, 45 % sure (not calibrated)"),
        (make_result(status=Status.PLAUSIBLE), "Plausible"),
        (make_result(status=Status.BUDGET_EXHAUSTED), "Not confirmed"),
    ],
)
def test_whole_or_in_part_and_how_surely(result: RepairResult, words: str) -> None:
    assert announcement(result) == words


VERDICT = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={})
SURE, UNSURE = Confidence(value=0.99, calibrated=True), Confidence(value=0.1, calibrated=True)


def claiming(status: Status, sure: Confidence | None) -> RepairResult:
    result = make_result(status=status)
    assert result.patch is not None
    return replace(result, patch=replace(result.patch, confidence=sure))


@pytest.mark.parametrize(
    ("here", "still_red", "status", "claimed", "ending"),
    [
        (SURE, (), Status.REPAIRED, SURE, Status.REPAIRED),
        (SURE, (), Status.REPAIRED, None, Status.REPAIRED),
        (SURE, ("r",), Status.REPAIRED, SURE, Status.REPAIRED_IN_PART),
        (UNSURE, (), Status.REPAIRED, SURE, Status.PLAUSIBLE),
        (None, (), Status.REPAIRED, SURE, Status.PLAUSIBLE),
        (SURE, (), Status.PLAUSIBLE, SURE, Status.PLAUSIBLE),
        (SURE, (), Status.CANCELLED, None, Status.PLAUSIBLE),
    ],
)
def test_a_verification_ends_by_what_was_found_out_and_no_better_than_the_file(
    here: Confidence | None,
    still_red: tuple[str, ...],
    status: Status,
    claimed: Confidence | None,
    ending: Status,
) -> None:
    found = Verification(verdict=VERDICT, still_red=still_red, confidence=here)
    assert verified_status(found, claiming(status, claimed)) is ending
