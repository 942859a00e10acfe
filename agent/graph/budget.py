"""How much of a repair's time is spent and left. Pure functions of the state."""

from __future__ import annotations

from agent.graph.state import RepairState
from agent.records import Budget
from agent.serialization import restore

ENDING_STAGES = frozenset({"baseline", "validate", "select"})
"""They see the limit themselves and end with what they know; OVERTIME is for that end."""
OVERTIME_SHARE = 0.1
MIN_OVERTIME_SECONDS = 10.0
VERDICT_RUNS = 2.0
"""Whole runs of the tests that are kept for the verdict of a candidate that is found late."""
MAX_VERDICT_SHARE = 0.25
"""Of `max_seconds`, kept for that verdict at most."""
PATIENCE_SHARE = 0.5
PATIENCE_BOUNDS_SECONDS = (4.0, 30.0)
"""After the first plausible patch the search goes on for half the time that it took, at least
and at most this long, because the first is often not the right one (Long & Rinard 2016)."""


def budget(state: RepairState) -> Budget:
    return restore(Budget, state["job"]["budget"])


def spent_seconds(state: RepairState) -> float:
    """Wall-clock seconds of all stages, from taking the files on, over all resumes."""
    seconds = state.get("seconds", {})
    return sum(seconds.values())


def repair_seconds_left(state: RepairState) -> float:
    return budget(state).max_seconds - spent_seconds(state)


def overtime_seconds(state: RepairState, stage: str) -> float:
    """How long a stage that the limit meets may go on, until it is cut off."""
    if stage not in ENDING_STAGES:
        return 0.0
    return max(MIN_OVERTIME_SECONDS, OVERTIME_SHARE * budget(state).max_seconds)


def search_seconds_left(state: RepairState) -> float:
    """What is left without the time that the verdict of a candidate takes."""
    whole_run = state.get("evidence", {}).get("baseline", {}).get("seconds", 0.0)
    verdict: float = min(VERDICT_RUNS * whole_run, MAX_VERDICT_SHARE * budget(state).max_seconds)
    return repair_seconds_left(state) - verdict


def candidates_left(state: RepairState) -> int:
    return budget(state).max_candidates - state.get("candidates_tried", 0)


def patience_seconds(state: RepairState) -> float:
    """Seconds of proposing still worth it after the first plausible patch; inf before it."""
    first = state.get("first_plausible_seconds")
    if first is None:
        return float("inf")
    low, high = PATIENCE_BOUNDS_SECONDS
    return min(max(PATIENCE_SHARE * first, low), high) - (proposing_seconds(state) - first)


def proposing_seconds(state: RepairState) -> float:
    """Wall-clock seconds spent in `propose`: verdicts do not count against patience."""
    return state.get("seconds", {}).get("propose", 0.0)
