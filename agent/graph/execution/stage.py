"""One stage carried out: announced, timed, and ended where the time of the repair is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.errors import AgentError
from agent.events import StageEnded, StageStarted
from agent.graph.context.run_context import RunContext
from agent.graph.outcome import out_of_time
from agent.graph.rounds import cut_short
from agent.graph.state import RepairState
from agent.model.errors import ModelError
from agent.records import Status
from agent.runs.stop import raise_if_stopped
from agent.serialization import plain
from agent.wording import brief
from sandbox.errors import SandboxError

FINISHING_STAGES = frozenset({"validate", "select", "regroup"})
"""They may begin when the time is over: what was found by then is judged."""

Update = Mapping[str, Any]
Node = Callable[[RepairState, RunContext], Update]


def carry_out(node: Node, state: RepairState, context: RunContext) -> dict[str, Any]:
    """The node's update of the state, with its seconds. Raises Interrupted once the run is
    stopped, and what the node raises."""
    stage = node.__name__
    raise_if_stopped(context.stop)
    context.listen(StageStarted(stage=stage))
    start = time.monotonic()
    with context.time_limit(state, stage):
        update = _in_time(node, state, context)
    if len(update.get("plausible", ())) <= len(state.get("plausible", ())):
        raise_if_stopped(context.stop)  # cut short, perhaps; a patch that was found is kept
    seconds = time.monotonic() - start
    context.unfinished = None
    summary, cut_off = update.pop("summary", ""), update.pop("cut_off", False)
    context.listen(StageEnded(stage=stage, seconds=seconds, summary=summary, cut_off=cut_off))
    total = dict(state.get("seconds", {}))
    total[stage] = total.get(stage, 0.0) + seconds
    return {**update, "seconds": total}


def _in_time(node: Node, state: RepairState, context: RunContext) -> dict[str, Any]:
    """The node's update, with an ending where the time of the repair was over before or in it, or
    where it failed and an earlier round had repaired something."""
    stage, start = node.__name__, time.monotonic()
    update: dict[str, Any] = {}
    late = context.seconds_left() <= 0 and stage not in FINISHING_STAGES
    if not late:
        context.unfinished = stage, start
        try:
            update = dict(node(state, context))
        except (SandboxError, AgentError, ModelError, OSError) as error:
            if context.stop.is_set() or not (context.overdue.is_set() or state.get("repaired")):
                raise
            if not context.overdue.is_set():
                return cut_short(state, f"{stage} then ended with an error: {brief(error)}")
    if (late or context.overdue.is_set()) and not _is_true(update.get("ending")):
        update = _kept(update, stage)
        after: RepairState = {**state, **update}  # type: ignore[typeddict-item]
        ending = out_of_time(after, stage, time.monotonic() - start, context.doing)
        if after.get("repaired"):
            return update | cut_short(after, ending.reason)
        update |= {"ending": plain(ending), "summary": ending.reason, "cut_off": True}
    return update


def _kept(update: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """What still holds of an update although the sandboxes were closed meanwhile: in `select` a
    test that failed then speaks against no patch."""
    stale_keys = ("plausible", "evidence") if stage == "select" else ()
    return {key: value for key, value in update.items() if key not in stale_keys}


def _is_true(ending: Mapping[str, Any] | None) -> bool:
    """Whether an ending holds although the sandboxes may have been closed meanwhile."""
    true = (Status.REPAIRED, Status.REPAIRED_IN_PART, Status.BUDGET_EXHAUSTED)
    return ending is not None and ending["status"] in true
