"""What a model made or chose comes first, unless something that ran speaks against it."""

from __future__ import annotations

from typing import Any

from agent.records import (
    BehaviourDifference,
    CandidatePatch,
    Confidence,
    PlausiblePatch,
    Verdict,
)
from agent.selection.patch_ranking import by_evidence, executed_evidence, ranked

NARROW = BehaviourDifference(compared=9)
"""It answers nine generated calls as the base does: it may fit the tests alone."""


def patch(name: str, score: float, *, proposer: str = "search", **more: Any) -> PlausiblePatch:
    verdict = Verdict(
        plausible=True,
        fail_to_pass={},
        pass_to_pass={},
        spread=more.pop("spread", None),
        cautions=more.pop("seen", ()),
    )
    candidate = CandidatePatch(edits=(), proposer=proposer, operator="x", description=name)
    return PlausiblePatch(candidate=candidate, diff="", verdict=verdict, score=score, **more)


def order(*patches: PlausiblePatch) -> list[str]:
    return [one.candidate.description for one in ranked(patches)]


def test_a_shorter_patch_of_the_search_does_not_beat_the_model() -> None:
    assert order(patch("short", 0.982), patch("right", 0.926, proposer="model")) == [
        "right",
        "short",
    ]


def test_what_the_model_chose_comes_first() -> None:
    chosen = patch("chosen", 0.5, chosen="the boundary is meant to be open")
    assert order(patch("short", 0.9), chosen) == ["chosen", "short"]


def test_what_was_seen_while_it_ran_speaks_against_the_model() -> None:
    asks = patch("asks", 0.65, proposer="model", seen=("asks the machine for its clock",))
    narrow = patch("narrow", 0.66, proposer="model", spread=NARROW)
    short = patch("short", 0.98)
    assert order(asks, short) == ["short", "asks"]
    assert order(narrow, short) == ["short", "narrow"]
    also_narrow = patch("also narrow", 0.98, spread=NARROW)
    assert order(narrow, also_narrow) == ["narrow", "also narrow"], "against both alike"


def test_what_only_stands_in_the_text_does_not() -> None:
    static = patch("right", 0.4, proposer="model", cautions=("deletes a return (m.py)",))
    assert order(static, patch("short", 0.98)) == ["right", "short"]
    assert executed_evidence(static.verdict) == 0.0


def test_without_a_model_the_score_decides_and_then_the_order() -> None:
    assert order(patch("a", 0.5), patch("b", 0.9), patch("c", 0.5)) == ["b", "a", "c"]


def test_a_hair_of_score_says_less_than_what_was_executed() -> None:
    first = patch("first", 0.982, confidence=Confidence(value=0.3, calibrated=True))
    near = patch("near", 0.981, confidence=Confidence(value=0.8, calibrated=True))
    far = patch("far", 0.7, confidence=Confidence(value=0.9, calibrated=True))
    ordered = by_evidence([first, near, far])
    assert [one.candidate.description for one in ordered] == ["near", "first", "far"]
    assert order(*ordered)[0] == "near"  # it keeps its place
    assert by_evidence([near, first]) == [near, first]
    assert by_evidence([]) == []


def test_what_a_model_made_keeps_its_place() -> None:
    mine = patch("mine", 0.98, proposer="model")
    other = patch("other", 0.98, confidence=Confidence(value=0.9, calibrated=True))
    assert by_evidence([mine, other]) == [mine, other]
