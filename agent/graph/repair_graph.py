"""The repair graph: wiring only, to be read beside the diagram in docs/design.md.

prepare ► baseline ► [reproduce] ► localize ► propose ⇄ validate ► select
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agent.events import StageEnded, StageStarted
from agent.graph.nodes.baseline import baseline
from agent.graph.nodes.localize import localize
from agent.graph.nodes.prepare import prepare
from agent.graph.nodes.propose import propose
from agent.graph.nodes.reproduce import reproduce
from agent.graph.nodes.select import select
from agent.graph.nodes.validate import validate
from agent.graph.routing import (
    after_baseline,
    after_prepare,
    after_propose,
    after_reproduce,
    after_validate,
)
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.runs.stop import raise_if_stopped

Update = Mapping[str, Any]
Node = Callable[[RepairState, RunContext], Update]
RepairGraph = CompiledStateGraph[RepairState, RunContext, RepairState, RepairState]


def repair_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> RepairGraph:
    """Build the graph. Its context is a `RunContext`; its thread id is the run's id."""
    graph = StateGraph(RepairState, context_schema=RunContext)
    nodes: tuple[Node, ...] = (prepare, baseline, reproduce, localize, propose, validate, select)
    for node in nodes:
        graph.add_node(node.__name__, timed(node))
    graph.add_edge(START, "prepare")
    graph.add_conditional_edges("prepare", after_prepare, ["baseline", END])
    graph.add_conditional_edges(
        "baseline", after_baseline, ["prepare", "reproduce", "localize", END]
    )
    graph.add_conditional_edges("reproduce", after_reproduce, ["localize", END])
    graph.add_edge("localize", "propose")
    graph.add_conditional_edges("propose", after_propose, ["validate", "propose", "select"])
    graph.add_conditional_edges("validate", after_validate, ["propose", "select"])
    graph.add_edge("select", END)
    return graph.compile(checkpointer=checkpointer)


class GraphNode(Protocol):
    """What LangGraph calls."""

    def __call__(self, state: RepairState, *, runtime: Runtime[RunContext]) -> dict[str, Any]: ...


def timed(node: Node) -> GraphNode:
    """Wrap a node: announce it, honour a stop, and add its seconds to the state."""

    def run(state: RepairState, *, runtime: Runtime[RunContext]) -> dict[str, Any]:
        context = runtime.context
        stage = node.__name__
        raise_if_stopped(context.stop)
        context.listen(StageStarted(stage=stage))
        started = time.monotonic()
        update = dict(node(state, context))
        if len(update.get("plausible", ())) <= len(state.get("plausible", ())):
            raise_if_stopped(context.stop)  # cut short, perhaps; a patch that was found is kept
        seconds = time.monotonic() - started
        context.listen(StageEnded(stage=stage, seconds=seconds, summary=update.pop("summary", "")))
        total = dict(state.get("seconds", {}))
        total[stage] = total.get(stage, 0.0) + seconds
        return {**update, "seconds": total}

    return run
