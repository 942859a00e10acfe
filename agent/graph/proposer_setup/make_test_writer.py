"""Puts the model that writes a test together from what the graph knows."""

from __future__ import annotations

from functools import partial

from agent.baseline.evidence import BaselineEvidence
from agent.graph.context.run_context import RunContext
from agent.graph.state import RepairState
from agent.proposers.agentic.agent_context import Limits
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.reproduction.confirmation import ReproductionBase
from agent.reproduction.from_model import ids_in, writing_task
from agent.runs.trajectory import Trajectory
from agent.serialization import restore


def make_test_writer(state: RepairState, context: RunContext, base: ReproductionBase) -> Agentic:
    """The model as the author of a test that shows the problem stated."""
    evidence = restore(BaselineEvidence, state["evidence"])
    python = context.prepared(state).environment.python
    entries = context.prepared(state).snapshot.entries

    def read_base(path: str) -> bytes | None:
        return context.prepared(state).snapshot.read(path) if path in entries else None

    budget = context.job.budget
    return Agentic(
        model=context.model.open,
        checkpoints=context.checkpoints,
        thread=f"{context.folder.run_id}:reproduce",
        conversations=1,
        limits=Limits(
            max_turns=budget.max_turns,
            max_tokens=budget.max_tokens // 2,
            thinking_tokens=context.settings.model_thinking_tokens,
        ),
        tests=TestBench(
            runner=context.prepared(state).runner,
            failing=(),
            passing=evidence.baseline.passing,
            ids_in=partial(ids_in, base=base),
        ),
        task=writing_task(base),
        open_tree=lambda: WorkingTree(context.open(state), read_base, python),
        listen=context.listen,
        trajectory=Trajectory(context.folder.trajectory),
        name="test writer",
    )
