"""How a repair without a patch ends: what was tried, how near it came, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.graph.budget import budget, candidates_left, search_seconds_left
from agent.graph.outcome import Ending, times_told
from agent.graph.state import RepairState
from agent.records import RepairJob, Status
from agent.wording import counted, only_option


def nothing_found(state: RepairState, job: RepairJob) -> Ending:
    """The ending, with what each proposer did until then."""
    tried = state.get("candidates_tried", 0)
    near = _near(state, job)
    if state["exhausted"]:
        sentence = f"none of the {tried} small edits worth trying makes the failing tests pass"
        sentence = sentence if tried else _nothing_to_try(state)
        return Ending(Status.NOT_REPAIRED, f"{sentence}{near}{_next_step(state, job)}")
    limit = "--max-candidates" if candidates_left(state) <= 0 else "--max-seconds"
    over = search_seconds_left(state) <= 0
    sentence = f"none of {tried} candidates makes the failing tests pass"
    if over:
        sentence = f"the time is over: {sentence if tried else _no_time(state)}"
    return Ending(Status.BUDGET_EXHAUSTED, f"{sentence}{near}; raise {limit} to go on")


def _near(state: RepairState, job: RepairJob) -> str:
    """How near the candidates came, as the end of a sentence."""
    rejected = state.get("rejected", 0)
    near = _partial(state)
    if "portfolio" in state:
        near += _of_the_model(state["portfolio"], job)
    elif rejected:
        near += f"; {rejected} passed the tests but not the verdict"
    if "failed_operators" in state:
        near += f"; {state['failed_operators']}"
    alone = next(iter(state.get("turned", [])), None)
    if alone is not None:
        near += f"; alone {alone} can be made to pass: `{only_option(alone)}` looks for that patch"
    return near


def _partial(state: RepairState) -> str:
    """The best candidate so far, where it made some of the failing tests pass."""
    partial = state.get("partial")
    if partial is None:
        return ""
    failing = len(state.get("evidence", {}).get("baseline", {}).get("failing", ()))
    of = f"{partial['tests']} of {failing}" if failing else f"{partial['tests']}"
    return f"; best so far: {partial['candidate']} makes {of} failing tests pass"


def _nothing_to_try(state: RepairState) -> str:
    """Why the search made no candidate."""
    suspicious = state.get("suspicious")
    if not suspicious:
        return "there is nothing to try: the failing tests run no line that a patch may change"
    first = suspicious[0]
    lines = counted(len(suspicious), "suspicious line")
    return (
        f"there is nothing to try: no small edit fits the {lines} "
        f"(first: {first['path']}:{first['line']})"
    )


def _no_time(state: RepairState) -> str:
    """Which stages the time went to, where none was left for a candidate."""
    where = times_told(state.get("seconds", {}))
    limit = f"{budget(state).max_seconds:g} s"
    return f"no candidate could be tried within {limit} ({where or 'nothing took long'})"


def _next_step(state: RepairState, job: RepairJob) -> str:
    """What people can do where everything worth trying was tried, as the end of a sentence."""
    if state.get("turned"):
        return ""  # one test by itself is the next step
    steps = [] if job.asks_model else ["let a model try (--model-url, --model)"]
    if not job.problem_statement:
        steps.append("say what is wrong in words (--issue)")
    if state.get("suspicious"):
        first = state["suspicious"][0]
        steps.append(f"begin by hand at {first['path']}:{first['line']}")
    return f"; {', or '.join(steps)}" if steps else ""


def _of_the_model(place: Mapping[str, Any], job: RepairJob) -> str:
    """What the model did, as the end of a sentence."""
    asked = place["searched"] >= job.budget.search_seconds
    if asked and not place["turns"] and not place["endings"]:
        return f"; the model at {job.model_url or job.model} gave no answer in that time"
    count, turns = place["candidates"], place["turns"]
    why = "".join(f": {ending}" for ending in dict.fromkeys(place["endings"]))
    return f"; the model made {count} of them in {counted(turns, 'turn')}{why}"
