"""What the graph knows of a failure, put together for the first prompt to the model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeAlias

from agent.baseline.evidence import BaselineEvidence
from agent.graph.context.prepared_project import PreparedProject
from agent.graph.context.run_context import RunContext
from agent.graph.state import RepairState
from agent.proposers.agentic.first_prompt.functions import watched_places
from agent.proposers.agentic.first_prompt.problem_facts import ProblemFacts
from agent.proposers.agentic.first_prompt.surroundings import conventions
from agent.proposers.search.search import Search
from agent.proposers.search.search_setup import representatives
from agent.records import SuspiciousLine
from agent.serialization import restore
from sandbox.languages.python.detection.test_setup import RunnerKind

Values: TypeAlias = Mapping[tuple[str, int], Sequence[Mapping[str, str]]]
"""Path and line → variables seen there, once a visit."""
MAX_LINES = 400
"""Suspicious lines that are looked at for the functions to show."""
TELLING_CANDIDATES = 50
"""A search over fewer small edits says nothing about what the fault is not."""


def known_facts(state: RepairState, context: RunContext, search: Search | None) -> ProblemFacts:
    """Everything that the first prompt may hold. `search` looks at values, where there is one;
    nobody else may use it meanwhile."""
    preparation = context.prepared(state)
    evidence = restore(BaselineEvidence, state["evidence"])
    facts = ProblemFacts(
        language=preparation.language.name,
        problem_statement=context.job.problem_statement or "",
        asked=bool(state.get("asked")),
        others=other_failures(evidence),
        failures=evidence.failures,
        suspicious=suspicious_lines(state)[:MAX_LINES],
        source_text=cache(preparation.source_text),
        test_text=cache(preparation.any_text),
        paths=tuple(preparation.snapshot.entries),
        learnt=learnt(search),
        how_tests_run=_how_tests_run(preparation),
        conventions=conventions(preparation.any_text, preparation.snapshot.entries.keys()),
    )
    at_failures = _at_failures(state)
    values = _seen(facts, evidence, preparation, search)
    return replace(facts, values={**at_failures, **values})


def other_failures(evidence: BaselineEvidence) -> Sequence[str]:
    """Tests that fail, too, and that nobody asks the model for."""
    return (*evidence.others, *(t for t in evidence.baseline.set_aside if t not in evidence.others))


def suspicious_lines(state: RepairState) -> Sequence[SuspiciousLine]:
    return [restore(SuspiciousLine, line) for line in state["suspicious"]]


def learnt(search: Search | None) -> str:
    """What the search found out before the model is asked; empty where that is of no use."""
    if search is None:
        return ""
    if search.nearest:
        return f"Of {search.tried} small edits none is a repair; nearest came {search.nearest}."
    if search.tried < TELLING_CANDIDATES:
        return ""
    return (
        f"None of {search.tried} edits of one operator, constant, name or condition at the "
        "suspicious lines makes the failing tests pass."
    )


def _how_tests_run(prepared: PreparedProject) -> str:
    if prepared.python is None:
        toolchain = prepared.environment.toolchain
        return f"With `run_tests`: {prepared.project.runner} runs them. {toolchain}."
    setup, version = prepared.python.tests, ".".join(map(str, prepared.environment.python_version))
    if setup.runner is RunnerKind.COMMAND:
        command = shlex.join(setup.arguments)
    elif setup.runner is RunnerKind.UNITTEST:
        calls = (shlex.join(("python", *c.program, *c.arguments)) for c in setup.calls)
        command = "; ".join(calls)
    else:
        command = shlex.join(("python", "-m", "pytest", *setup.paths[:4]))
    where = "" if setup.folder == "." else f" in {setup.folder}"
    return f"With `run_tests`, or by hand with `{command}`{where}. Python {version}."


def _at_failures(state: RepairState) -> Values:
    """What the variables were where the tests failed: known without a search, too."""
    values: dict[tuple[str, int], list[Mapping[str, str]]] = {}
    for entry in state.get("failure_values", []):
        values.setdefault((entry["path"], entry["line"]), []).append(entry["values"])
    return values


def _seen(
    facts: ProblemFacts,
    evidence: BaselineEvidence,
    prepared: PreparedProject,
    search: Search | None,
) -> Values:
    """What the variables were at the lines shown in a failing test."""
    if search is None:
        return {}  # nothing stands ready to look
    lines: dict[str, list[int]] = {}
    for path, line in watched_places(facts):
        lines.setdefault(path, []).append(line)
    targets = representatives(evidence.failures, evidence.seconds)[:1]
    values: dict[tuple[str, int], list[Mapping[str, str]]] = {}
    for test_id in prepared.pytest_ids(targets):
        for observation in search.seen(test_id, lines):
            values.setdefault((observation.path, observation.line), []).append(observation.values)
    return values
