"""Where the graph goes next. Pure: state in, name of a node out."""

from __future__ import annotations

from langgraph.constants import END

from agent.graph.budget import (
    asks_model,
    awaits_model,
    candidates_left,
    patience_seconds,
    search_seconds_left,
    verdicts_left,
)
from agent.graph.state import RepairState
from agent.records import PlausiblePatch, Status
from agent.selection.patch_ranking import executed_evidence, of_model, ranked
from agent.serialization import restore

ENOUGH_PLAUSIBLE = 8
"""Patches to choose from; each more costs a verdict."""
SHOWN_PATCHES = 3
"""Patches of others that the model chooses from; the search rests once so many passed."""


def after_prepare(state: RepairState) -> str:
    return END if state.get("ending") is not None else "baseline"


def after_baseline(state: RepairState) -> str:
    """A problem that somebody stated has to be shown by a test first."""
    if state.get("ending") is not None:
        return END
    if "evidence" not in state:
        return "prepare"  # again, with an older pytest
    if state["evidence"]["baseline"]["failing"] and not states_a_problem(state):
        return "localize"
    return "reproduce"


def after_reproduce(state: RepairState) -> str:
    return END if state.get("ending") is not None else "localize"


def after_localize(state: RepairState) -> str:
    return END if state.get("ending") is not None else "propose"


def after_propose(state: RepairState) -> str:
    """Candidates get their verdict at once; an empty slice of search is followed by the next."""
    if state.get("ending") is not None:
        return END
    if state["proposed"]:
        return "validate"
    return "propose" if worth_going_on(state) else "select"


def after_validate(state: RepairState) -> str:
    if state.get("ending") is not None:
        return END
    return "propose" if worth_going_on(state) else "select"


def after_select(state: RepairState) -> str:
    """Where failing tests are left, they have their turn; so have those of this group that some
    candidate made pass. After a round of several the ending is told for the whole run."""
    ending = state.get("ending") or {}
    if ending.get("status") == Status.REPAIRED:
        return "regroup" if state["evidence"]["baseline"].get("still_red") else END
    if state.get("plausible"):
        return END  # there was no time to confirm it
    is_left = state.get("near") or state.get("groups") or state.get("repaired")
    return "regroup" if is_left or state.get("first_ending") else END


def after_regroup(state: RepairState) -> str:
    if state.get("ending") is not None:
        return END
    return "validate" if state["proposed"] else "localize"


def states_a_problem(state: RepairState) -> bool:
    """Whether the job states a problem in words, and names no test."""
    job = state.get("job", {})
    return bool((job.get("problem_statement") or "").strip()) and not job.get("only")


def worth_going_on(state: RepairState) -> bool:
    """Something is left to try, and time, candidates and patience to try it."""
    if state["exhausted"] or search_seconds_left(state) <= 0 or patience_seconds(state) <= 0:
        return False
    if awaits_model(state):
        return True
    if _earlier_patch_holds(state):
        return False
    if state.get("heard") and (verdicts_left(state) <= 0 or not _more_is_of_use(state)):
        return False
    return asks_model(state) or (
        candidates_left(state) > 0 and len(state.get("plausible", [])) < ENOUGH_PLAUSIBLE
    )


def _earlier_patch_holds(state: RepairState) -> bool:
    """Whether the patch that came along passed and a model would only be asked for it anew."""
    job = state.get("job", {})
    has_model = job.get("model") is not None or job.get("model_url") is not None
    return has_model and any(
        patch["candidate"]["proposer"] == "first_try" for patch in state.get("plausible", ())
    )


def _more_is_of_use(state: RepairState) -> bool:
    """Whether others could still win over what the model came to, or were asked for."""
    return asks_model(state) or best_is_contested(state)


def search_is_wanted(state: RepairState) -> bool:
    """Whether what the search finds would change anything: not once the model has enough to
    choose from, nor once it has chosen and nothing that ran speaks against that."""
    if state.get("heard"):
        return best_is_contested(state)
    fixes = [restore(PlausiblePatch, fix) for fix in state.get("plausible", ())]
    return not asks_model(state) or len([fix for fix in fixes if not of_model(fix)]) < SHOWN_PATCHES


def best_is_contested(state: RepairState) -> bool:
    """Whether something that ran speaks against the best patch so far."""
    patches = [restore(PlausiblePatch, patch) for patch in state.get("plausible", ())]
    return not patches or executed_evidence(ranked(patches)[0].verdict) > 0
