"""Where the graph goes next. Pure: state in, name of a node out."""

from __future__ import annotations

from langgraph.graph import END

from agent.graph.budget import candidates_left, patience_seconds, search_seconds_left
from agent.graph.state import RepairState

ENOUGH_PLAUSIBLE = 8
"""Patches to choose from; each more costs a verdict."""


def after_prepare(state: RepairState) -> str:
    return END if "ending" in state else "baseline"


def after_baseline(state: RepairState) -> str:
    """Without a failing test the problem stated has to be shown by one first."""
    if "ending" in state:
        return END
    if "evidence" not in state:
        return "prepare"  # again, with an older pytest
    return "localize" if state["evidence"]["baseline"]["failing"] else "reproduce"


def after_reproduce(state: RepairState) -> str:
    return END if "ending" in state else "localize"


def after_localize(state: RepairState) -> str:
    return END if "ending" in state else "propose"


def after_propose(state: RepairState) -> str:
    """Candidates get their verdict at once; an empty slice of search is followed by the next."""
    if "ending" in state:
        return END
    if state["proposed"]:
        return "validate"
    return "propose" if worth_going_on(state) else "select"


def after_validate(state: RepairState) -> str:
    if "ending" in state:
        return END
    return "propose" if worth_going_on(state) else "select"


def worth_going_on(state: RepairState) -> bool:
    """Something is left to try, and time, candidates and patience to try it."""
    return (
        not state["exhausted"]
        and search_seconds_left(state) > 0
        and candidates_left(state) > 0
        and patience_seconds(state) > 0
        and len(state.get("plausible", [])) < ENOUGH_PLAUSIBLE
    )
