"""When a repair with a model goes on, and what the model's choice changes in the state."""

from __future__ import annotations

from typing import Any

from agent.graph.budget import MORE_VERDICTS, patience_seconds
from agent.graph.model_choice import passed_patches, with_choices
from agent.graph.routing import SHOWN_PATCHES, after_propose, after_validate, search_is_wanted
from agent.graph.state import RepairState
from agent.proposers.agentic.candidate import key_of
from agent.proposers.passed_patch import Choice
from agent.records import Budget, CandidatePatch, PlausiblePatch, RepairJob, Verdict
from agent.serialization import plain, restore
from sandbox.source import SourceEdit


def patch(text: str, proposer: str = "search", **seen: Any) -> dict[str, Any]:
    candidate = CandidatePatch(
        edits=(SourceEdit("m.py", 0, 1, text),), proposer=proposer, operator="x", description=text
    )
    verdict = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={}, **seen)
    record: dict[str, Any] = plain(
        PlausiblePatch(candidate=candidate, diff=f"+{text}\n", verdict=verdict, score=0.9)
    )
    return record


def state(*plausible: dict[str, Any], asking: bool = True, **changes: Any) -> RepairState:
    conversations = changes.pop("conversations", 1)
    job = RepairJob(
        run_id="r",
        target=".",
        budget=Budget(max_seconds=1000, max_candidates=5),
        model="m",
        conversations=conversations,
    )
    values: dict[str, Any] = {
        "job": plain(job),
        "seconds": {"propose": 300.0},
        "proposed": [],
        "exhausted": False,
        "candidates_tried": 0,
        "portfolio": {"asking": asking},
        "plausible": list(plausible),
        "first_plausible_seconds": 1.0 if plausible else None,
        **changes,
    }
    return RepairState(**values)  # type: ignore[typeddict-item]


SHORT = patch("short")
MODELS = patch("right", "model")
HEARD = {"seconds": 299.0, "verdicts": 2}


def test_nothing_that_a_search_found_keeps_the_model_from_being_heard() -> None:
    many = [patch(str(number)) for number in range(20)]
    waiting = state(*many, candidates_tried=5)
    assert after_validate(waiting) == "propose"
    assert after_propose(waiting) == "propose"
    assert not search_is_wanted(waiting), "the model has enough to choose from"
    assert search_is_wanted(state(*many[: SHOWN_PATCHES - 1]))


def test_the_limits_of_the_repair_hold_while_the_model_thinks() -> None:
    assert after_propose(state(SHORT, seconds={"propose": 1000.0})) == "select"


def test_once_the_model_is_heard_nothing_more_is_looked_for() -> None:
    heard = state(SHORT, MODELS, asking=False, heard=HEARD)
    assert after_validate(heard) == "select"
    assert not search_is_wanted(heard)


def test_what_ran_and_speaks_against_the_model_is_worth_a_few_more_verdicts() -> None:
    contested = patch("right", "model", cautions=("asks the machine",))
    heard = state(SHORT, contested, asking=False, heard=HEARD)
    assert after_validate(heard) == "select", "the other one stands"
    alone = state(contested, asking=False, heard={"seconds": 299.0, "verdicts": 1})
    assert after_validate(alone) == "propose"
    assert search_is_wanted(alone)
    assert after_validate({**alone, "rejected": MORE_VERDICTS}) == "select"


def test_further_conversations_hand_theirs_in_up_to_a_limit() -> None:
    heard = state(MODELS, heard={"seconds": 200.0, "verdicts": 1}, conversations=3)
    assert patience_seconds(heard) == 0.0
    heard["seconds"] = {"propose": 299.0}
    assert after_validate(heard) == "propose"
    assert after_validate({**heard, "rejected": MORE_VERDICTS + 1}) == "propose"
    assert after_validate({**heard, "rejected": MORE_VERDICTS + 2}) == "select"


def test_a_model_that_ended_without_a_patch_leaves_what_passed() -> None:
    assert after_propose(state(SHORT, asking=False)) == "select"
    assert after_propose(state(asking=False)) == "propose", "the search goes on alone"


def test_a_patch_that_came_along_and_passes_asks_no_model_again() -> None:
    assert after_validate(state(patch("earlier", "first_try"), asking=False)) == "select"


def test_the_model_is_shown_what_others_found_under_lasting_numbers() -> None:
    shown = passed_patches(state(SHORT, MODELS, patch("polished", "polish")))
    assert [(one.number, one.diff) for one in shown] == [(1, "+short\n"), (3, "+polished\n")]


def test_a_choice_is_written_to_its_patch() -> None:
    before = state(SHORT, MODELS)
    key = key_of(restore(PlausiblePatch, SHORT).candidate)
    choices = [Choice(key=key, reason="it is right"), Choice(key=key, reason="")]
    update = with_choices(before, choices, 2.0)
    first, second = (restore(PlausiblePatch, one) for one in update["plausible"])
    assert (first.chosen, first.votes) == ("it is right", 2)
    assert (second.chosen, second.votes) == ("", 0)
    assert update["heard"] == {"seconds": 302.0, "verdicts": 2}
    assert with_choices(before, []) == {}
