"""How much of a repair's time is spent and left. Pure functions of the state."""

from __future__ import annotations

from agent.graph.state import RepairState
from agent.records import Budget
from agent.serialization import restore

COUNTED_STAGES = ("baseline", "reproduce", "localize", "propose", "validate", "select")
"""`max_seconds` counts these; building the environment is not the search's fault."""
PATIENCE_SHARE = 0.5
PATIENCE_BOUNDS_SECONDS = (4.0, 30.0)
"""After the first plausible patch the search goes on for half the time that it took, at least
and at most this long, because the first is often not the right one (Long & Rinard 2016)."""


def budget(state: RepairState) -> Budget:
    return restore(Budget, state["job"]["budget"])


def spent_seconds(state: RepairState) -> float:
    """Wall-clock seconds that count towards `max_seconds`, over all resumes."""
    seconds = state.get("seconds", {})
    return sum(seconds.get(stage, 0.0) for stage in COUNTED_STAGES)


def repair_seconds_left(state: RepairState) -> float:
    return budget(state).max_seconds - spent_seconds(state)


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
