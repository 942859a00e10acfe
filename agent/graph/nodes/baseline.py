"""baseline: what the tests say before anything is changed."""

from __future__ import annotations

import math
from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.baseline.take import take_baseline
from agent.baseline.test_runs import BaselineLimits
from agent.events import BaselineTaken, Progress, Warned
from agent.graph.outcome import Ending
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.records import Status
from agent.serialization import plain

UNGUARDED = "nothing guards what they test; raise --max-seconds"
OLDER_PYTESTS = (9, 8)
"""Tried one after the other: below each of these major versions."""


def baseline(state: RepairState, context: RunContext) -> dict[str, Any]:
    project = context.prepared(state).project
    evidence = take_baseline(
        lambda: context.open(state),
        context.prepared(state).runner,
        modules=project.modules,
        is_test_path=project.is_test_path,
        only=context.job.only,
        limits=_limits(context),
        seconds_left=context.seconds_left,
        say=lambda text: context.listen(Progress(text=text)),
    )
    older = _older_pytest(evidence, state)
    if older is not None:
        context.forget_prepared()
        return {"pytest_below": older, "summary": f"the project needs a pytest before {older}"}
    taken = evidence.baseline
    context.listen(BaselineTaken(baseline=taken))
    context.tell_set_aside(taken.set_aside)
    if evidence.not_run and taken.failing:
        context.listen(Warned(text=f"{evidence.not_run:,} tests had no turn in time: {UNGUARDED}"))
    update: dict[str, Any] = {"evidence": plain(evidence)}
    if evidence.ending is not None and not _can_be_shown(evidence, context):
        update["ending"] = plain(Ending(evidence.ending, evidence.reason))
        return {**update, "summary": evidence.reason}
    flaky = f", {len(taken.flaky)} flaky" if taken.flaky else ""
    return {
        **update,
        "summary": f"{len(taken.failing)} failing, {len(taken.passing)} passing{flaky}",
    }


def _limits(context: RunContext) -> BaselineLimits:
    """The limit of the whole repair is the only one on a run of all tests, where there is one."""
    left = context.seconds_left()
    return BaselineLimits(whole_seconds=left) if math.isfinite(left) else BaselineLimits()


def _older_pytest(evidence: BaselineEvidence, state: RepairState) -> int | None:
    """The major version to stay below, where an older pytest may do and is left to be tried."""
    last = state.get("pytest_below")
    older = [major for major in OLDER_PYTESTS if last is None or major < last]
    return older[0] if evidence.outgrown_pytest and older else None


def _can_be_shown(evidence: BaselineEvidence, context: RunContext) -> bool:
    """All tests pass, but somebody stated a problem: `reproduce` looks for a test of it."""
    stated = bool((context.job.problem_statement or "").strip())
    return evidence.ending is Status.NOTHING_TO_FIX and stated and not context.job.only
