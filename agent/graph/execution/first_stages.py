"""The first stages of a new run, begun before there is a graph: its tests run while LangGraph is
imported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent.graph.context.run_context import RunContext
from agent.graph.execution.stage import carry_out
from agent.graph.nodes.baseline import baseline
from agent.graph.nodes.prepare import prepare
from agent.graph.routing import after_prepare
from agent.graph.state import RepairState
from agent.records import RepairJob
from agent.serialization import plain


def first_state(job: RepairJob) -> RepairState:
    """What a new run begins with."""
    return {"job": plain(job)}


def begin_first_stages(context: RunContext) -> None:
    """Begin `prepare` and then `baseline` in a thread; the graph takes their updates from
    `context.first_updates`, once it comes to these nodes."""

    def carry_out_baseline() -> dict[str, Any]:
        state: RepairState = {**start, **preparation.result()}  # type: ignore[typeddict-item]
        if after_prepare(state) != baseline.__name__:
            return {}  # the graph ends there, too
        return carry_out(baseline, state, context)

    start = first_state(context.job)
    thread = ThreadPoolExecutor(1, thread_name_prefix="first-stages")
    preparation = thread.submit(carry_out, prepare, start, context)
    context.first_updates[prepare.__name__] = preparation
    context.first_updates[baseline.__name__] = thread.submit(carry_out_baseline)
    thread.shutdown(wait=False)
