"""baseline: what the tests say before anything is changed."""

from __future__ import annotations

import math
from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.baseline.missing_files import RepositoryFiles
from agent.baseline.take import take_baseline
from agent.baseline.test_runs import BaselineLimits
from agent.events import BaselineTaken, Progress, Warned
from agent.graph.outcome import Ending
from agent.graph.prepared_project import PreparedProject
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.records import Status
from agent.serialization import plain

UNGUARDED = "nothing guards what they test; raise --max-seconds"
OLDER_PYTESTS = (9, 8)
"""Tried one after the other: below each of these major versions."""

NO_TEST_BY_COMMAND = "the test command given ran no test; name another with --test"


def baseline(state: RepairState, context: RunContext) -> dict[str, Any]:
    prepared = context.prepared(state)
    project = prepared.project
    files = RepositoryFiles(
        paths=prepared.snapshot.entries.keys(),
        is_test_path=project.is_test_path,
        import_roots=project.import_roots,
        submodules=project.submodules,
    )
    evidence = take_baseline(
        lambda: context.open(state),
        prepared.runner,
        modules=project.modules,
        is_test_path=project.is_test_path,
        explain=files.explain,
        only=context.job.only,
        limits=_limits(context),
        seconds_left=context.seconds_left,
        say=lambda text: context.listen(Progress(text=text)),
    )
    older = _older_pytest(evidence, state)
    if older is not None:
        context.forget_prepared()
        return {"pytest_below": older, "summary": f"the project needs a pytest before {older}"}
    learned = context.learn_test_files(state, evidence.order)
    taken = evidence.baseline
    context.listen(BaselineTaken(baseline=taken))
    context.tell_set_aside(taken.set_aside)
    if evidence.not_run and taken.failing:
        context.listen(Warned(text=f"{evidence.not_run:,} tests had no turn in time: {UNGUARDED}"))
    update: dict[str, Any] = {**learned, "evidence": plain(evidence)}
    if evidence.ending is not None and not _can_be_shown(evidence, context):
        reason = evidence.reason
        if project.tests.given and not (evidence.order or context.job.only):
            reason = NO_TEST_BY_COMMAND if evidence.ending is Status.NO_TESTS else reason
        update["ending"] = plain(Ending(evidence.ending, reason))
        return {**update, "summary": reason}
    if taken.failing and (reason := _nothing_to_edit(context.prepared(state))):
        update["ending"] = plain(Ending(Status.NOT_REPAIRED, reason))
        return {**update, "summary": reason}
    flaky = f", {len(taken.flaky)} flaky" if taken.flaky else ""
    return {
        **update,
        "summary": f"{len(taken.failing)} failing, {len(taken.passing)} passing{flaky}",
    }


def _limits(context: RunContext) -> BaselineLimits:
    """The limit of the whole repair is the only one on a run of all tests, where there is one."""
    left = context.seconds_left()
    return BaselineLimits(whole_seconds=left) if math.isfinite(left) else BaselineLimits()


def _nothing_to_edit(prepared: PreparedProject) -> str:
    """The sentence for a project in which no patch could change anything; empty for others."""
    paths = prepared.snapshot.python_files()
    if any(prepared.is_source(p) and not prepared.project.is_config_path(p) for p in paths):
        return ""
    return (
        f"nothing may be edited: each of the {len(paths)} Python files is a test or configures the "
        "tests; is this the folder of the project, and not of its tests alone?"
    )


def _older_pytest(evidence: BaselineEvidence, state: RepairState) -> int | None:
    """The major version to stay below, where an older pytest may do and is left to be tried."""
    last = state.get("pytest_below")
    older = [major for major in OLDER_PYTESTS if last is None or major < last]
    return older[0] if evidence.outgrown_pytest and older else None


def _can_be_shown(evidence: BaselineEvidence, context: RunContext) -> bool:
    """All tests pass, but somebody stated a problem: `reproduce` looks for a test of it."""
    stated = bool((context.job.problem_statement or "").strip())
    return evidence.ending is Status.NOTHING_TO_FIX and stated and not context.job.only
