"""Signs that were executed become a figure, sentences and the word a repair ends with."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from agent.records import (
    CandidatePatch,
    Confidence,
    ExecutedSigns,
    PlausiblePatch,
    Status,
    Verdict,
)
from agent.selection import confidence as subject
from agent.selection.confidence import (
    Weights,
    confidence_of,
    confidence_of_whole,
    ending_of,
    features,
    is_sure,
    joint_confidence,
    probability,
)
from agent.serialization import plain, restore
from sandbox.source import SourceEdit

STRONG = ExecutedSigns(compared=60, changed=9, guards=8, swaps=6, noticed=6)
WEAK = ExecutedSigns(compared=30, raises=12, rivals=7, disagreeing=7, swaps=6, noticed=1)


@pytest.fixture(autouse=True)
def _weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fitted ones change with every fit."""
    signs = dict.fromkeys(("calls", "guards", "noticed"), 1.0)
    signs |= dict.fromkeys(("raises", "unchanged", "disagreeing", "unnoticed", "cautions"), -2.0)
    monkeypatch.setattr(subject, "weights", lambda: Weights(0.0, signs, 0.7))


def patch(proposer: str = "search", **more: Any) -> PlausiblePatch:
    verdict = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={})
    candidate = CandidatePatch(edits=(), proposer=proposer, operator="x", description="x")
    return PlausiblePatch(candidate=candidate, diff="", verdict=verdict, **more)


def sure(signs: ExecutedSigns, penalty: float = 0.0, proposer: str = "search") -> Confidence:
    return confidence_of(patch(proposer), signs, penalty)


def test_each_sign_moves_the_figure_its_own_way() -> None:
    strong = sure(STRONG).value
    assert strong > 0.7 > 0.5 > sure(WEAK).value
    assert strong > sure(STRONG, 0.5).value
    assert strong > sure(ExecutedSigns(compared=60, guards=8)).value


def test_not_looked_at_is_said_and_lowers_it() -> None:
    nothing = sure(ExecutedSigns(rivals=7, disagreeing=7))
    assert nothing.value < sure(ExecutedSigns(compared=60)).value
    told = "\n".join(nothing.reasons)
    assert "not looked at: no call beyond those of the tests" in told
    assert "7 other patches pass, and no call tells them apart" in told
    assert "not looked at: whether tests notice faults" in told


def test_changed_answers_alone_cost_nothing() -> None:
    few = ExecutedSigns(compared=60, changed=1)
    most = ExecutedSigns(compared=60, changed=50, changed_example="f(3)")
    assert sure(few).value == sure(most).value
    assert any("50 of 60 generated calls (as f(3))" in reason for reason in sure(most).reasons)


@pytest.mark.parametrize(
    ("signs", "proposer", "status"),
    [
        (STRONG, "search", Status.REPAIRED),
        (WEAK, "search", Status.PLAUSIBLE),
        (ExecutedSigns(), "search", Status.PLAUSIBLE),
        (WEAK, "model", Status.PLAUSIBLE),
        (ExecutedSigns(), "model", Status.REPAIRED),
        (ExecutedSigns(), "first_try", Status.REPAIRED),
    ],
)
def test_the_ending(signs: ExecutedSigns, proposer: str, status: Status) -> None:
    found = patch(proposer, confidence=sure(signs, 0.0, proposer))
    assert ending_of(Status.REPAIRED, found) is status


def test_the_weaker_claim_wins_over_in_part_and_nothing_else_is_touched() -> None:
    weak = patch(confidence=sure(WEAK))
    assert ending_of(Status.REPAIRED_IN_PART, weak) is Status.PLAUSIBLE
    assert ending_of(Status.BUDGET_EXHAUSTED, weak) is Status.BUDGET_EXHAUSTED
    assert ending_of(Status.REPAIRED, patch()) is Status.PLAUSIBLE  # not measured
    written = replace(patch(), candidate=replace(patch().candidate, proposer="model"))
    assert ending_of(Status.REPAIRED, written) is Status.REPAIRED
    assert ending_of(Status.NOT_REPAIRED, None) is Status.NOT_REPAIRED


def test_only_patches_of_the_search_are_calibrated() -> None:
    assert sure(STRONG).calibrated
    assert not sure(STRONG, proposer="model").calibrated
    assert not sure(STRONG, proposer="polish").calibrated
    assert not confidence_of(patch(chosen="it is right"), STRONG, 0.0).calibrated


def edited(*places: int) -> CandidatePatch:
    edits = tuple(SourceEdit("m.py", place, place + 1, "x") for place in places)
    return CandidatePatch(edits=edits, proposer="search", operator="x", description="x")


def test_a_patch_of_several_needs_all_of_them_right() -> None:
    joint = joint_confidence([sure(STRONG), sure(WEAK)])
    assert joint is not None
    assert joint.value < sure(WEAK).value
    assert not joint.calibrated
    assert restore(Confidence, plain(joint)) == joint


def test_it_ends_as_the_weakest_of_its_parts() -> None:
    model = sure(ExecutedSigns(), proposer="model")
    short = sure(ExecutedSigns())  # nothing speaks against it, and too little for it
    raising = sure(ExecutedSigns(compared=60, raises=30, guards=1), proposer="model")
    assert short.value < raising.value < 0.7
    for parts in ([model, short], [raising, model], [raising, None], [model, short, None]):
        found = patch("model+search", confidence=joint_confidence(parts))
        assert ending_of(Status.REPAIRED, found) is Status.PLAUSIBLE
        again = joint_confidence([sure(STRONG), found.confidence])
        whole = patch("model+search", confidence=again)
        assert ending_of(Status.REPAIRED, whole) is Status.PLAUSIBLE
    found = patch("model+search", confidence=joint_confidence([model, sure(STRONG)]))
    assert ending_of(Status.REPAIRED, found) is Status.REPAIRED
    assert joint_confidence([None, None]) is None


def test_what_speaks_against_any_part_is_told_and_what_was_not_measured() -> None:
    told = joint_confidence([sure(replace(STRONG, raises=30)), sure(WEAK), None])
    assert told is not None
    assert told.reasons[0].startswith("- 3 patches in one, each of which has to be right, 1 of")
    assert any("on 30 of 60" in reason for reason in told.reasons)
    assert any("on 12 of 30" in reason for reason in told.reasons)


def test_a_patch_that_makes_more_tests_pass_is_measured_anew_and_not_squared() -> None:
    alone = replace(patch(), candidate=edited(1), confidence=sure(STRONG))
    verdict = Verdict(plausible=True, fail_to_pass=dict.fromkeys("abcd", "passed"), pass_to_pass={})
    whole = replace(patch(), candidate=edited(1), verdict=verdict)
    found = confidence_of_whole(whole, [alone])
    assert found is not None
    assert found.signs.repaired == 4
    suspect = confidence_of_whole(replace(whole, penalty=0.5), [alone])
    assert suspect is not None
    assert suspect.value < found.value
    # The patch of this round is a part of the earlier one: the earlier one is the whole.
    earlier = replace(alone, candidate=edited(2, 1))
    both = replace(whole, candidate=edited(1, 2))
    assert confidence_of_whole(both, [alone, earlier]) == found
    assert confidence_of_whole(replace(both, candidate=edited(1, 3)), [alone, earlier]) != found


def test_one_call_that_no_longer_returns_does_not_lower_a_model_s_patch() -> None:
    for raises, compared, status in (
        (1, 4, Status.REPAIRED),
        (3, 60, Status.REPAIRED),
        (7, 60, Status.PLAUSIBLE),
        (2, 4, Status.PLAUSIBLE),
    ):
        signs = ExecutedSigns(compared=compared, raises=raises, rivals=7)
        found = patch("model", confidence=sure(signs, 0.5, "model"))
        assert ending_of(Status.REPAIRED, found) is status


def test_no_figure_is_rounded_across_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    odds = math.log(0.7799 / 0.2201)
    monkeypatch.setattr(subject, "weights", lambda: Weights(odds, {}, 0.78))
    below = sure(ExecutedSigns())
    assert (below.value, below.percent, is_sure(below)) == (0.779, "77 %", False)
    assert replace(below, value=0.778).percent == "77 %"
    assert replace(below, value=0.78).percent == "78 %"
    assert replace(below, value=0.29).percent == "29 %"


def test_with_one_failing_test_no_patch_of_the_search_is_called_repaired() -> None:
    """As docs/usage.md and README.md say of the weights that are shipped."""
    fitted = json.loads(subject.WEIGHTS_FILE.read_text(encoding="utf-8"))
    shipped = Weights(fitted["intercept"], fitted["signs"], fitted["threshold"])
    best = ExecutedSigns(repaired=1, compared=60, changed=9, guards=20, swaps=6, noticed=6)
    assert probability(features(best, 0.0), shipped) < shipped.threshold
    assert probability(features(replace(best, repaired=2), 0.0), shipped) > shipped.threshold
    unseen = ExecutedSigns(repaired=3)
    assert probability(features(unseen, 0.0), shipped) < shipped.threshold


def test_it_is_stored_and_older_records_have_none() -> None:
    found = patch(confidence=sure(WEAK))
    stored = plain(found)
    assert restore(PlausiblePatch, stored) == found
    del stored["confidence"]
    assert restore(PlausiblePatch, stored).confidence is None


def test_faults_that_were_not_tried_any_more_count_for_nothing() -> None:
    cut = replace(STRONG, swaps=2, noticed=2, chosen_swaps=6)
    assert features(cut, 0.0)["noticed"] == pytest.approx(2 / 6)
    reasons = confidence_of(patch("search"), cut, 0.0).reasons
    said = "+ the tests notice all of 2 small faults put into its lines (2 of 6 tried in the time"
    assert any(reason.startswith(said) for reason in reasons)


def test_unchanged_answers_count_near_the_repaired_calls_alone() -> None:
    alike = ExecutedSigns(compared=60, near_unchanged=7)
    assert not features(alike, 0.0)["unchanged"]
    assert features(replace(alike, near_unchanged=8), 0.0)["unchanged"]
    assert features(replace(alike, near_unchanged=None), 0.0)["unchanged"], "an older record"


def test_one_of_anything_is_told_in_the_singular() -> None:
    def told(**signs: Any) -> str:
        return " | ".join(sure(ExecutedSigns(compared=60, **signs)).reasons)

    assert "the tests notice the one small fault put into its lines" in told(swaps=1, noticed=1)
    missed = told(swaps=1, unnoticed="`<` for `<=`")
    assert "the tests do not notice the one small fault put into its lines (`<` for" in missed
    assert "the tests notice all of 6 small faults" in told(swaps=6, noticed=6)
    assert "1 other patch passes, and answers generated" in told(rivals=1, disagreeing=1)
    assert "3 other patches pass, of which 1 answers" in told(rivals=3, disagreeing=1)
    assert "of which 2 answer generated calls otherwise or not at all" in told(
        rivals=3, disagreeing=2
    )
