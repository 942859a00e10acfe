"""How a repair without a patch ends: what was tried, how near it came, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.graph.budget import budget, candidates_left, search_seconds_left
from agent.graph.outcome import Ending, lacking_language, times_told
from agent.graph.state import RepairState
from agent.patches.doctest_examples import contradiction_in
from agent.records import RepairJob, Status
from agent.wording import counted, only_option

_PLACE = re.compile(r"(?<![\w/.-])[\w/.-]+\.pyi?\b|`[\w.]+(?:\(\))?`")
"""A file, or a name in code marks."""


def nothing_found(state: RepairState, job: RepairJob) -> Ending:
    """The ending, with what each proposer did until then."""
    count = state.get("candidates_tried", 0)
    near = _near(state, job)
    if state["exhausted"]:
        sentence = _none_worth_trying(count, state) if count else _nothing_to_try(state)
        return Ending(Status.NOT_REPAIRED, f"{sentence}{near}{_next_step(state, job)}")
    limit = "--max-candidates" if candidates_left(state) <= 0 else "--max-seconds"
    over = search_seconds_left(state) <= 0
    sentence = _none_of(count, state)
    if over:
        subject = "the time for these tests" if state.get("round_until") else "the time"
        sentence = f"{subject} is over: {sentence if count else _no_time(state)}"
    return Ending(Status.BUDGET_EXHAUSTED, f"{sentence}{near}; raise {limit} to go on")


def _none_worth_trying(count: int, state: RepairState) -> str:
    """`_none_of`, where all that is left untried is not worth it."""
    if any(state.get(name) for name in ("portfolio", "rejected", "best_rejected")):
        return _none_of(count, state)  # some were no small edits, or did make the tests pass
    return f"none of the {count} small edits worth trying makes the failing tests pass"


def _none_of(count: int, state: RepairState) -> str:
    """What no candidate did: to make the failing tests pass, or that and no harm."""
    best = state.get("best_rejected") or {}
    if objection := _objection(state):
        return (
            f"none of {count} candidates passes the verdict: {best['description']} makes the "
            f"failing tests pass, but {objection}"
        )
    if state.get("rejected"):
        return f"none of {count} candidates passes the verdict"
    return f"none of {count} candidates makes the failing tests pass"


def _objection(state: RepairState) -> str:
    """What is said first against the best rejected candidate, where it makes all of the failing
    tests pass; else empty."""
    best = state.get("best_rejected") or {}
    failing_count = len(state.get("evidence", {}).get("baseline", {}).get("failing", ()))
    if not failing_count or best.get("repaired", 0) < failing_count:
        return ""
    return next(iter(best["objections"]), "")


def _near(state: RepairState, job: RepairJob) -> str:
    """How near the candidates came, as the end of a sentence."""
    rejections = state.get("rejected", 0)
    near = _partial(state)
    contradiction = _contradiction(state)
    if contradiction and contradiction != _objection(state):
        near += f"; {contradiction}"
    if state.get("portfolio"):
        near += _of_the_model(state["portfolio"], job)
    elif rejections:
        near += f"; {rejections} passed the tests but not the verdict"
    near += _turned_down(len(job.excluded))
    if "failed_operators" in state:
        near += f"; {state['failed_operators']}"
    alone = next(iter(state.get("turned", [])), None)
    if alone is not None:
        near += f"; alone {alone} can be made to pass: `{only_option(alone)}` looks for that patch"
    return near


def _turned_down(number: int) -> str:
    """That patches are no answer any more, as the end of a sentence."""
    if not number:
        return ""
    verb = "is" if number == 1 else "are"
    return f"; {counted(number, 'patch', 'patches')} that people turned down {verb} left out"


def _contradiction(state: RepairState) -> str:
    """What is to be decided of the rejected patch that is shown; empty where it is nothing."""
    return contradiction_in((state.get("best_rejected") or {}).get("objections", ()))


def _partial(state: RepairState) -> str:
    """The best candidate so far, where it made some of the failing tests pass."""
    partial = state.get("partial")
    if partial is None:
        return ""
    failing_count = len(state.get("evidence", {}).get("baseline", {}).get("failing", ()))
    of = f"{partial['tests']} of {failing_count}" if failing_count else f"{partial['tests']}"
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
    words_help = not _contradiction(state)  # else somebody has to decide which test is right
    if words_help and not job.problem_statement and not lacking_language(state):
        steps.append("say what is wrong in words (--issue)")
    if state.get("suspicious") and not _place_known(state):
        first = state["suspicious"][0]
        steps.append(f"begin by hand at {first['path']}:{first['line']}")
    return f"; {', or '.join(steps)}" if steps else ""


def _place_known(state: RepairState) -> bool:
    """Whether something better than the most suspicious line says where to begin: the model that
    gave up names a place, an example stands against the tests, or files of the project were taken
    as tests, so that the fault may lie in what may not be edited."""
    endings = state.get("portfolio", {}).get("endings", ())
    is_named = any(_PLACE.search(ending) for ending in endings)
    return is_named or bool(_contradiction(state)) or bool(state.get("taken_as_tests"))


def _of_the_model(place: Mapping[str, Any], job: RepairJob) -> str:
    """What the model did, as the end of a sentence."""
    was_asked = place["searched"] >= job.budget.search_seconds
    silent = not place["turns"] and not place["endings"]
    if silent and place.get("asked") is False:
        return f"; no time was left to ask the model at {job.model_url or job.model}"
    if was_asked and silent:
        return f"; the model at {job.model_url or job.model} gave no answer in that time"
    count, turns = place["candidates"], place["turns"]
    why = "".join(f": {ending}" for ending in dict.fromkeys(place["endings"]))
    return f"; the model made {count} of them in {counted(turns, 'turn')}{why}"
