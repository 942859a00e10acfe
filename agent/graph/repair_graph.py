"""The repair graph: wiring only, to be read beside the diagram in docs/design.md.

prepare ► baseline ► [reproduce] ► localize ► propose ⇄ validate ► select [► regroup ► localize …]
"""

from __future__ import annotations

from typing import Any, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agent.graph.context.run_context import RunContext
from agent.graph.execution.stage import Node, carry_out
from agent.graph.nodes.baseline import baseline
from agent.graph.nodes.localize import localize
from agent.graph.nodes.prepare import prepare
from agent.graph.nodes.propose import propose
from agent.graph.nodes.regroup import regroup
from agent.graph.nodes.reproduce import reproduce
from agent.graph.nodes.select import select
from agent.graph.nodes.validate import validate
from agent.graph.routing import (
    after_baseline,
    after_localize,
    after_prepare,
    after_propose,
    after_regroup,
    after_reproduce,
    after_select,
    after_validate,
)
from agent.graph.state import RepairState

RepairGraph = CompiledStateGraph[RepairState, RunContext, RepairState, RepairState]


def repair_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> RepairGraph:
    """Build the graph. Its context is a `RunContext`; its thread id is the run's id."""
    graph = StateGraph(RepairState, context_schema=RunContext)
    nodes: tuple[Node, ...] = (
        *(prepare, baseline, reproduce, localize),
        *(propose, validate, select, regroup),
    )
    for node in nodes:
        graph.add_node(node.__name__, graph_node(node))
    graph.add_edge(START, "prepare")
    graph.add_conditional_edges("prepare", after_prepare, ["baseline", END])
    graph.add_conditional_edges(
        "baseline", after_baseline, ["prepare", "reproduce", "localize", END]
    )
    graph.add_conditional_edges("reproduce", after_reproduce, ["localize", END])
    graph.add_conditional_edges("localize", after_localize, ["propose", END])
    graph.add_conditional_edges("propose", after_propose, ["validate", "propose", "select", END])
    graph.add_conditional_edges("validate", after_validate, ["propose", "select", END])
    graph.add_conditional_edges("select", after_select, ["regroup", END])
    graph.add_conditional_edges("regroup", after_regroup, ["localize", "validate", END])
    return graph.compile(checkpointer=checkpointer)


class GraphNode(Protocol):
    """What LangGraph calls."""

    def __call__(self, state: RepairState, *, runtime: Runtime[RunContext]) -> dict[str, Any]: ...


def graph_node(node: Node) -> GraphNode:
    """What LangGraph calls for a stage: it is carried out, unless `begin_first_stages` did so."""

    def run(state: RepairState, *, runtime: Runtime[RunContext]) -> dict[str, Any]:
        update = runtime.context.first_updates.pop(node.__name__, None)
        return carry_out(node, state, runtime.context) if update is None else update.result()

    return run
