"""reproduce: a test for a problem that somebody stated and no test of the project shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.events import Progress, Warned
from agent.graph.budget import repair_seconds_left
from agent.graph.context.run_context import RunContext
from agent.graph.outcome import Ending
from agent.graph.proposer_setup.make_test_language import make_test_language, name_of_new_tests
from agent.graph.proposer_setup.make_test_writer import make_test_writer
from agent.graph.state import RepairState
from agent.records import Status
from agent.reproduction.confirmation import ReproductionBase
from agent.reproduction.extended_base import add_to_evidence, extend_base
from agent.reproduction.failing_tests import failing_about, failing_named
from agent.reproduction.from_issue import Reproduction, test_of_issue
from agent.reproduction.from_model import test_of_model
from agent.reproduction.test_location import place_for
from agent.serialization import plain, restore
from agent.wording import counted, tests
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.snapshots.snapshot import Snapshot

WRITING_SHARE = 0.5
"""Of what is left of the repair's time, for a test that the model writes: the fix needs more."""


def reproduce(state: RepairState, context: RunContext) -> dict[str, Any]:
    evidence = restore(BaselineEvidence, state["evidence"])
    statement = context.job.problem_statement or ""
    failing_tests = evidence.baseline.failing
    if test_ids := failing_named(statement, failing_tests):
        return _asked(test_ids, "the issue names")
    base = _base(state, context, evidence)
    if base is None:
        return _without_test(state, context, evidence, "no test of it can be written here")
    situation = "other tests fail" if failing_tests else "no test fails"
    context.listen(Progress(text=f"{situation}: looking for a test of the problem stated"))
    reproduction = test_of_issue(base)
    if reproduction.test is None and context.job.asks_model:
        context.listen(Progress(text=f"{reproduction.why_not}; the model writes a test"))
        reproduction = _written(base, state, context)
    if reproduction.test is None:
        return _without_test(state, context, evidence, reproduction.why_not + _advice(context))
    return _shown(reproduction, state, context, evidence)


def _written(base: ReproductionBase, state: RepairState, context: RunContext) -> Reproduction:
    writer = make_test_writer(state, context, base)
    try:
        seconds = WRITING_SHARE * repair_seconds_left(state)
        return test_of_model(base, writer, seconds, context.stop)
    finally:
        writer.close()


def _shown(
    found: Reproduction, state: RepairState, context: RunContext, evidence: BaselineEvidence
) -> dict[str, Any]:
    if found.test is None:
        raise ValueError("nothing was found")
    try:
        preparation = context.prepared(state)
        record = extend_base(
            preparation.record, preparation.snapshot, context.folder.snapshot, found.test
        )
    except ValueError as error:
        return _without_test(state, context, evidence, str(error))
    context.forget_prepared()
    return {
        "prepared": plain(record),
        "evidence": plain(add_to_evidence(evidence, found.results)),
        "generated": [plain(found.test)],
        "asked": list(found.test.test_ids),
        "summary": f"{found.test.path}, by {found.test.author}: {'; '.join(found.test.claims)}",
    }


def _asked(tests: Sequence[str], who: str) -> dict[str, Any]:
    """These failing tests show the problem stated; the others are none of it."""
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    return {"asked": list(tests), "summary": f"{who} a failing test: {tests[0]}{more}"}


def _without_test(
    state: RepairState, context: RunContext, evidence: BaselineEvidence, why: str
) -> dict[str, Any]:
    """No test was made: a failing one may be about the problem, or nothing shows it."""
    failing_tests = evidence.baseline.failing
    preparation, statement = context.prepared(state), context.job.problem_statement or ""
    about = failing_about(
        statement, failing_tests, lambda t: "\n".join(preparation.test_sources([t]))
    )
    if about:
        context.listen(Warned(text=f"no test was made of the issue: {why}"))
        return {**_asked(about, "the issue seems to be about"), "unshown": why}
    baseline = evidence.baseline
    reason = f"all {len(baseline.passing)} tests pass, and {why}"
    if baseline.flaky or baseline.set_aside:
        reason = f"no test fails steadily ({tests(baseline)}), and {why}"
    if failing_tests:
        reason = f"{counted(len(failing_tests), 'test')} failed for other reasons, it seems "
        reason += f"(first: {failing_tests[0]}; named with --only they are repaired), and {why}"
    return {"ending": plain(Ending(Status.NOT_REPRODUCED, reason)), "summary": reason}


def _advice(context: RunContext) -> str:
    if context.job.asks_model:
        return "; add a failing test to the project"
    return "; add a failing test to the project, or let a model write one (--model-url, --model)"


def _base(
    state: RepairState, context: RunContext, evidence: BaselineEvidence
) -> ReproductionBase | None:
    preparation = context.prepared(state)
    project = preparation.project
    if not preparation.language.abilities.statements:
        return None
    if project.runner is RunnerKind.COMMAND:
        return None
    snapshot = preparation.snapshot
    statement = context.job.problem_statement or ""
    test_ids = (*evidence.baseline.passing, *evidence.baseline.failing)
    paths = snapshot.entries.keys()
    place = place_for(
        statement,
        test_ids,
        paths,
        lambda p: _text(p, snapshot),
        project.is_test_path,
        name_of_new_tests(preparation),
    )
    if place is None or not project.is_test_path(place.path):
        return None
    return ReproductionBase(
        open_session=lambda: context.open(state),
        runner=preparation.runner,
        language=make_test_language(preparation, place),
        setup=preparation.pytest_setup if preparation.python is not None else None,
        tests=[path for path in preparation.source_files() if project.is_test_path(path)],
        place=place,
        statement=statement,
        failing=evidence.baseline.failing,
        source_text=lambda path: context.prepared(state).source_text(path) or "",
    )


def _text(path: str, snapshot: Snapshot) -> str:
    """The text of a file; empty where it has none."""
    try:
        return snapshot.text(path).text
    except (FileNotFoundError, ValueError):
        return ""
