"""reproduce: a test for a problem that somebody stated and no test of the project shows."""

from __future__ import annotations

from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.events import Progress
from agent.graph.budget import repair_seconds_left
from agent.graph.make_portfolio import make_test_writer
from agent.graph.outcome import Ending
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.records import Status
from agent.reproduction.confirmation import Ground
from agent.reproduction.extended_base import add_to_evidence, extend_base
from agent.reproduction.from_issue import Found, test_of_issue
from agent.reproduction.from_model import test_of_model
from agent.reproduction.import_names import importable_names
from agent.reproduction.test_location import place_for
from agent.serialization import plain, restore
from sandbox.languages.python.detection.test_setup import RunnerKind

WRITING_SHARE = 0.5
"""Of what is left of the repair's time, for a test that the model writes: the fix needs more."""


def reproduce(state: RepairState, context: RunContext) -> dict[str, Any]:
    evidence = restore(BaselineEvidence, state["evidence"])
    ground = _ground(state, context, evidence)
    if ground is None:
        return _not_shown(evidence, "with a test command of its own, none can be written for it")
    context.listen(Progress(text="no test fails: looking for a test of the problem stated"))
    found = test_of_issue(ground, _importable(state, context))
    if found.test is None and context.job.asks_model:
        context.listen(Progress(text=f"{found.why_not}; the model writes a test"))
        found = _written(ground, state, context)
    if found.test is None:
        return _not_shown(evidence, found.why_not + _advice(context))
    return _shown(found, state, context, evidence)


def _written(ground: Ground, state: RepairState, context: RunContext) -> Found:
    writer = make_test_writer(state, context, ground)
    try:
        seconds = WRITING_SHARE * repair_seconds_left(state)
        return test_of_model(ground, writer, seconds, context.stop)
    finally:
        writer.close()


def _shown(
    found: Found, state: RepairState, context: RunContext, evidence: BaselineEvidence
) -> dict[str, Any]:
    if found.test is None:
        raise ValueError("nothing was found")
    try:
        prepared = context.prepared(state)
        extended = extend_base(
            prepared.record, prepared.snapshot, context.folder.snapshot, found.test
        )
    except ValueError as error:
        return _not_shown(evidence, str(error))
    context.forget_prepared()
    return {
        "prepared": plain(extended),
        "evidence": plain(add_to_evidence(evidence, found.results)),
        "generated": [plain(found.test)],
        "summary": f"{found.test.path}, by {found.test.author}: {'; '.join(found.test.claims)}",
    }


def _not_shown(evidence: BaselineEvidence, why: str) -> dict[str, Any]:
    reason = f"all {len(evidence.baseline.passing)} tests pass, and {why}"
    return {"ending": plain(Ending(Status.NOT_REPRODUCED, reason)), "summary": reason}


def _advice(context: RunContext) -> str:
    if context.job.asks_model:
        return "; add a failing test to the project"
    return "; add a failing test to the project, or let a model write one (--model-url, --model)"


def _ground(state: RepairState, context: RunContext, evidence: BaselineEvidence) -> Ground | None:
    project = context.prepared(state).project
    if project.runner is RunnerKind.COMMAND:
        return None
    snapshot = context.prepared(state).snapshot
    statement = context.job.problem_statement or ""
    place = place_for(statement, evidence.baseline.passing, snapshot.entries.keys())
    if place is None or not project.is_test_path(place.path):
        return None
    return Ground(
        open_session=lambda: context.open(state),
        runner=context.prepared(state).runner,
        setup=context.prepared(state).pytest_setup,
        tests=[path for path in snapshot.python_files() if project.is_test_path(path)],
        place=place,
        statement=statement,
    )


def _importable(state: RepairState, context: RunContext) -> dict[str, str]:
    project = context.prepared(state).project
    texts = (
        (p, context.prepared(state).source_text(p))
        for p in context.prepared(state).snapshot.python_files()
    )
    sources = [(path, text) for path, text in texts if text is not None]
    return dict(importable_names(sources, project.import_roots, project.modules))
