"""Puts search and model together from what the graph knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TypeAlias

from agent.baseline.evidence import BaselineEvidence
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.model.base import Message
from agent.proposers.agentic.agent_context import Limits, Task
from agent.proposers.agentic.candidate import Rules, make_candidate
from agent.proposers.agentic.first_messages import SHOWN_PLACES, Known, first_messages
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.polish import polish_frontier
from agent.proposers.portfolio import Portfolio
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.search import Search
from agent.proposers.search.search_setup import parsed_modules, representatives
from agent.records import CandidatePatch, SuspiciousLine
from agent.reproduction.confirmation import Ground
from agent.reproduction.from_model import ids_in, writing_task
from agent.serialization import restore

Values: TypeAlias = Mapping[tuple[str, int], Sequence[str]]
"""Path and line → variables seen there, one rendering a visit."""
SHOWN_VISITS = 2
SHOWN_STATEMENT_LINES = 6
VALUE_CHARACTERS = 160


def make_portfolio(
    state: RepairState, context: RunContext, search: Callable[[], Search]
) -> Portfolio:
    """The search and the model as one proposer, at the place where an earlier process was."""
    job = context.job
    portfolio = Portfolio(
        search=search,
        model=_agentic(
            state, context, lambda: _tried(portfolio), lambda: _seen(portfolio, state, context)
        ),
        polish=lambda miss: _frontier(miss, state, context),
        search_seconds=job.budget.search_seconds,
        polish_seconds=job.budget.polish_seconds,
        conversations=job.conversations,
        place=state.get("portfolio", {}),
    )
    return portfolio


def _agentic(
    state: RepairState, context: RunContext, tried: Callable[[], str], seen: Callable[[], Values]
) -> Agentic:
    evidence = restore(BaselineEvidence, state["evidence"])
    python = context.prepared(state).environment.python

    def read_base(path: str) -> bytes | None:
        try:
            return context.prepared(state).snapshot.read(path)
        except FileNotFoundError:
            return None

    @cache
    def known() -> Known:
        return _known(state, context, evidence, tried(), seen())

    def begin(tree: WorkingTree) -> list[Message]:
        return first_messages(known(), tree)

    entries = context.prepared(state).snapshot.entries
    rules = Rules(
        layout=context.prepared(state).project,
        base_paths=entries.keys(),
        links=[path for path, entry in entries.items() if entry.kind != "file"],
        include_tests=context.job.include_tests,
        generated=context.prepared(state).products.keys(),
    )
    return Agentic(
        model=context.model.open,
        checkpoints=context.checkpoints,
        thread=context.folder.run_id,
        conversations=context.job.conversations,
        limits=Limits(
            max_turns=context.job.budget.max_turns, max_tokens=context.job.budget.max_tokens
        ),
        tests=TestBench(
            runner=context.prepared(state).runner,
            failing=evidence.baseline.failing,
            passing=evidence.baseline.passing,
        ),
        task=Task(
            first_messages=begin,
            make=partial(make_candidate, rules=rules),
            wanted="change of the source",
            rejected="rejected",
        ),
        open_tree=lambda: WorkingTree(context.open(state), read_base, python),
        listen=context.listen,
    )


def make_test_writer(state: RepairState, context: RunContext, ground: Ground) -> Agentic:
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
        limits=Limits(max_turns=budget.max_turns, max_tokens=budget.max_tokens // 2),
        tests=TestBench(
            runner=context.prepared(state).runner,
            failing=(),
            passing=evidence.baseline.passing,
            ids_in=partial(ids_in, ground=ground),
        ),
        task=writing_task(ground),
        open_tree=lambda: WorkingTree(context.open(state), read_base, python),
        listen=context.listen,
    )


def _known(
    state: RepairState, context: RunContext, evidence: BaselineEvidence, tried: str, seen: Values
) -> Known:
    places = _suspicious(state)[:SHOWN_PLACES]
    return Known(
        problem_statement=context.job.problem_statement or "",
        failures=evidence.failures,
        sources=context.failing_sources(state),
        suspicious=places,
        lines={(p.path, p.line): _line(p, state, context) for p in places},
        values=seen,
        tried=tried,
    )


def _suspicious(state: RepairState) -> Sequence[SuspiciousLine]:
    return [restore(SuspiciousLine, line) for line in state["suspicious"]]


def _line(place: SuspiciousLine, state: RepairState, context: RunContext) -> str:
    lines = (context.prepared(state).source_text(place.path) or "").split("\n")
    last = min(place.last_line or place.line, place.line + SHOWN_STATEMENT_LINES - 1)
    return "\n".join(lines[place.line - 1 : last])


def _tried(portfolio: Portfolio) -> str:
    """What the search did before the model is asked."""
    if not portfolio.tried:
        return ""
    nearest = portfolio.search().nearest
    words = f"A search over {portfolio.tried} small edits at these lines found no repair."
    return f"{words} Nearest came: {nearest}." if nearest else words


def _seen(portfolio: Portfolio, state: RepairState, context: RunContext) -> Values:
    """What the variables were at the suspicious lines in a failing test."""
    if not portfolio.tried:
        return {}  # without a search nothing stands ready to look
    evidence = restore(BaselineEvidence, state["evidence"])
    targets = representatives(evidence.failures, evidence.seconds)[:1]
    lines: dict[str, list[int]] = {}
    for place in _suspicious(state)[:SHOWN_PLACES]:
        lines.setdefault(place.path, []).append(place.line)
    found: dict[tuple[str, int], list[str]] = {}
    for test_id in context.prepared(state).pytest_ids(targets):
        for one in portfolio.search().seen(test_id, lines):
            values = ", ".join(f"{name}={value}" for name, value in one.values.items())
            visits = found.setdefault((one.path, one.line), [])
            if values and values[:VALUE_CHARACTERS] not in visits and len(visits) < SHOWN_VISITS:
                visits.append(values[:VALUE_CHARACTERS])
    return found


def _frontier(miss: CandidatePatch, state: RepairState, context: RunContext) -> Frontier:
    project = context.prepared(state).project
    evidence = restore(BaselineEvidence, state["evidence"])
    modules = parsed_modules(
        _suspicious(state),
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
