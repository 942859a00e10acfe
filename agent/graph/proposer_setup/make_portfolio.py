"""Puts search and model together from what the graph knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from agent.baseline.evidence import BaselineEvidence
from agent.events import in_background
from agent.graph.context.known_facts import known_facts, other_failures, suspicious_lines
from agent.graph.context.run_context import RunContext
from agent.graph.state import RepairState
from agent.model.base import Message
from agent.proposers.agentic.agent_context import ConversationTask, Limits
from agent.proposers.agentic.candidate import Rules, caution, make_candidate, refusal
from agent.proposers.agentic.first_prompt.messages import first_messages
from agent.proposers.agentic.first_prompt.problem_facts import ProblemFacts
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.polish import polish_frontier
from agent.proposers.portfolio import Portfolio
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.search import Search
from agent.proposers.search.search_setup import parsed_modules
from agent.records import CandidatePatch
from agent.runs.checkpoints import round_thread
from agent.runs.trajectory import Trajectory
from agent.serialization import restore

MAX_LOOK_SECONDS = 5.0
"""The model's first prompt waits so long for values that the search can see at most."""


def make_portfolio(
    state: RepairState, context: RunContext, search: Callable[[], Search]
) -> Portfolio[ProblemFacts]:
    """The search and the model as one proposer, at the place where an earlier process was."""
    job = context.job

    def facts() -> ProblemFacts:
        """Called in a thread of the model's, which waits for what the search sees."""
        try:
            problem_facts = portfolio.looked.result(MAX_LOOK_SECONDS)
        except TimeoutError:
            problem_facts = None
        return problem_facts or known_facts(state, context, None)

    portfolio = Portfolio(
        search=search,
        model=_agentic(state, context, facts),
        polish=lambda miss: _frontier(miss, state, context),
        look=lambda made: known_facts(state, context, made),
        search_seconds=job.budget.search_seconds,
        # Around a near miss only edits of Python are known.
        polish_seconds=job.budget.polish_seconds if context.prepared(state).python else 0.0,
        place=state.get("portfolio", {}),
    )
    return portfolio


def _agentic(state: RepairState, context: RunContext, facts: Callable[[], ProblemFacts]) -> Agentic:
    evidence = restore(BaselineEvidence, state["evidence"])
    python = context.prepared(state).environment.python

    def read_base(path: str) -> bytes | None:
        try:
            return context.prepared(state).snapshot.read(path)
        except FileNotFoundError:
            return None

    cached_facts = cache(facts)

    def begin(tree: WorkingTree) -> list[Message]:
        return first_messages(cached_facts(), tree)

    entries = context.prepared(state).snapshot.entries
    rules = Rules(
        layout=context.prepared(state).project,
        base_paths=entries.keys(),
        links=[path for path, entry in entries.items() if entry.kind != "file"],
        include_tests=context.job.include_tests,
        sources=context.prepared(state).sources,
        generated=context.prepared(state).products.keys(),
    )
    number = state.get("rounds", 1)
    return Agentic(
        model=context.model.open,
        checkpoints=context.checkpoints,
        thread=round_thread(context.folder.run_id, number),
        name="model" if number == 1 else f"model, round {number}",
        conversations=context.job.conversations,
        limits=Limits(
            max_turns=context.job.budget.max_turns,
            max_tokens=context.job.budget.max_tokens
            - sum(place["tokens"] for place in state.get("earlier", [])),
            thinking_tokens=context.settings.model_thinking_tokens,
        ),
        tests=TestBench(
            runner=context.prepared(state).runner,
            failing=evidence.baseline.failing,
            passing=evidence.baseline.passing,
            aside=tuple(other_failures(evidence)),
        ),
        task=ConversationTask(
            first_messages=begin,
            make=partial(make_candidate, rules=rules),
            wanted="change of the source",
            rejected="rejected",
            refusal=partial(refusal, rules=rules),
            caution=partial(caution, rules=rules),
            offers_choice=True,
        ),
        open_tree=lambda: WorkingTree(context.open(state), read_base, python),
        listen=lambda event: context.listen(in_background(event)),
        trajectory=Trajectory(context.folder.trajectory),
    )


def _frontier(miss: CandidatePatch, state: RepairState, context: RunContext) -> Frontier:
    project = context.prepared(state).project
    evidence = restore(BaselineEvidence, state["evidence"])
    modules = parsed_modules(
        suspicious_lines(state),
        context.prepared(state).snapshot,
        lambda path: not project.is_test_path(path),
    )
    message = "\n".join(failure.message for failure in evidence.failures.values())
    project_context = ProjectContext.build(
        modules,
        context.failing_sources(state),
        message,
    )
    changes = context.prepared(state).changed_files(miss)
    return polish_frontier(miss, changes, project_context, context.failed_operators)
