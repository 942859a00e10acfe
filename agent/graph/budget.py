"""How much of a repair's time is spent and left. Pure functions of the state."""

from __future__ import annotations

from agent.graph.state import RepairState
from agent.records import Budget
from agent.serialization import restore

ENDING_STAGES = frozenset({"baseline", "validate", "select", "regroup"})
"""They see the limit themselves and end with what they know; OVERTIME is for that end."""
OVERTIME_SHARE = 0.1
MIN_OVERTIME_SECONDS = 10.0
VERDICT_RUNS = 2.0
"""Whole runs of the tests that are kept for the verdict of a candidate that is found late."""
MAX_VERDICT_SHARE = 0.25
"""Of `max_seconds`, kept for that verdict at most."""
PATIENCE_SHARE = 0.5
PATIENCE_BOUNDS_SECONDS = (4.0, 30.0)
"""After the first patch that passed the verdict the search goes on for half the time that it took,
at least and at most this long, because the first is often not the right one (Long & Rinard
2016)."""
MORE_VERDICTS = 3
"""After a patch of the model passed or was chosen: so many, and one for each further conversation
that was asked for. Each may take as long as the whole of the project's tests."""


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


def verdict_seconds(state: RepairState) -> float:
    """What is kept for the verdict of a candidate that is found late."""
    whole_run: float = state.get("evidence", {}).get("baseline", {}).get("seconds", 0.0)
    return min(VERDICT_RUNS * whole_run, MAX_VERDICT_SHARE * budget(state).max_seconds)


def search_seconds_left(state: RepairState) -> float:
    """What is left without the time that the verdict of a candidate takes."""
    seconds = repair_seconds_left(state) - verdict_seconds(state)
    until = state.get("round_until")
    return seconds if until is None else min(seconds, until - spent_seconds(state))


def candidates_left(state: RepairState) -> int:
    count = state.get("tried_before", 0) + state.get("candidates_tried", 0)
    return budget(state).max_candidates - count


def asks_model(state: RepairState) -> bool:
    """Whether a conversation with the model goes on."""
    return bool(state.get("portfolio", {}).get("asking", False))


def awaits_model(state: RepairState) -> bool:
    """Whether the model is still to be heard: what a search found never keeps it from that."""
    return asks_model(state) and state.get("heard") is None


def patience_seconds(state: RepairState) -> float:
    """Seconds of proposing still worth it after the first patch passed the verdict; inf before, and
    until the model was heard. Further conversations that were asked for have no upper bound."""
    record = state.get("heard")
    first: float | None = record["seconds"] if record else state.get("first_plausible_seconds")
    if first is None or awaits_model(state):
        return float("inf")
    low, high = PATIENCE_BOUNDS_SECONDS
    patience = max(PATIENCE_SHARE * first, low)
    return (patience if asks_model(state) else min(patience, high)) - (
        proposing_seconds(state) - first
    )


def verdicts_left(state: RepairState) -> int:
    """Verdicts still worth it once the model was heard."""
    conversations: int = state["job"].get("conversations", 1)
    record = state.get("heard") or {"verdicts": verdicts_taken(state)}
    since: int = verdicts_taken(state) - record["verdicts"]
    return MORE_VERDICTS + conversations - 1 - since


def verdicts_taken(state: RepairState) -> int:
    return len(state.get("plausible", ())) + state.get("rejected", 0)


def proposing_seconds(state: RepairState) -> float:
    """Wall-clock seconds spent in `propose`: verdicts do not count against patience."""
    return state.get("seconds", {}).get("propose", 0.0)
