"""baseline: what the tests say before anything is changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from agent.baseline.baseline import take_baseline
from agent.baseline.evidence import BaselineEvidence
from agent.baseline.failures.by_language.go_causes import GoCauses
from agent.baseline.failures.by_language.javascript_causes import JavaScriptCauses
from agent.baseline.failures.by_language.rust_causes import RustCauses
from agent.baseline.failures.causes import Causes
from agent.baseline.failures.classification import Explain
from agent.baseline.failures.missing_files import RepositoryFiles
from agent.baseline.near_names import near_names
from agent.baseline.test_runs import BaselineLimits
from agent.events import BaselineTaken, Progress, Warned
from agent.graph.context.prepared_project import PreparedProject
from agent.graph.context.run_context import RunContext
from agent.graph.outcome import Ending
from agent.graph.state import RepairState
from agent.records import Baseline, Status
from agent.serialization import plain
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.rust.detection.project import RustProject

UNTOLD = (Status.NOTHING_TO_FIX, Status.FLAKY, Status.ENVIRONMENT_BROKEN)
"""What the project's own tests may come to where they say nothing of a problem stated."""
UNGUARDED = "nothing guards what they test; raise --max-seconds"
OLDER_PYTESTS = (9, 8)
"""Tried one after the other: below each of these major versions."""

NO_TEST_BY_COMMAND = "the test command given ran no test; name another with --test"


def baseline(state: RepairState, context: RunContext) -> dict[str, Any]:
    preparation = context.prepared(state)
    project = preparation.project
    evidence = take_baseline(
        lambda: context.open(state),
        preparation.runner,
        modules=preparation.python.modules if preparation.python else (),
        is_test_path=project.is_test_path,
        causes=_causes(preparation),
        explain=_explain(preparation),
        only=context.job.only,
        limits=_limits(context),
        seconds_left=context.seconds_left,
        say=lambda text: context.listen(Progress(text=text)),
    )
    older = _older_pytest(evidence, state) if preparation.python else None
    if older is not None:
        context.forget_prepared()
        return {"pytest_below": older, "summary": f"the project needs a pytest before {older}"}
    file_update = context.learn_test_files(state, evidence.order, evidence.examples)
    outcome = evidence.baseline
    context.listen(BaselineTaken(baseline=outcome))
    context.tell_set_aside(outcome.set_aside)
    if evidence.not_run and outcome.failing:
        context.listen(Warned(text=f"{evidence.not_run:,} tests had no turn in time: {UNGUARDED}"))
    update: dict[str, Any] = {**file_update, "evidence": plain(evidence)}
    if evidence.ending is not None and not _can_be_shown(evidence, context):
        reason = evidence.reason
        if project.tests.given and not (evidence.order or context.job.only):
            reason = NO_TEST_BY_COMMAND if evidence.ending is Status.NO_TESTS else reason
        if evidence.ending is Status.NO_TESTS and context.job.only:
            reason += _meant(preparation, context.job.only)
        update["ending"] = plain(Ending(evidence.ending, reason))
        return {**update, "summary": reason}
    if outcome.failing and (reason := _nothing_to_edit(context.prepared(state))):
        update["ending"] = plain(Ending(Status.NOT_REPAIRED, reason))
        return {**update, "summary": reason}
    return {**update, "summary": _summary(outcome)}


def _summary(outcome: Baseline) -> str:
    """How many tests have each outcome; the rarer ones where there are any."""
    numbers = {
        "flaky": len(outcome.flaky),
        "skipped": len(outcome.skipped),
        "set aside": len(outcome.set_aside),
    }
    rarer = "".join(f", {number:,} {name}" for name, number in numbers.items() if number)
    return f"{len(outcome.failing):,} failing, {len(outcome.passing):,} passing{rarer}"


def _causes(prepared: PreparedProject) -> Causes | None:
    """What tells a fault of the surroundings; None for what it is in Python."""
    if prepared.python is not None:
        return None
    if isinstance(prepared.project, GoProject):
        modules = frozenset(prepared.project.modules.values())
        return GoCauses(prepared.project.is_test_path, modules)
    if isinstance(prepared.project, RustProject):
        crates = frozenset(prepared.project.crates.values())
        return RustCauses(prepared.project.is_test_path, crates)
    return JavaScriptCauses(prepared.project.is_test_path, prepared.project.name)


def _explain(prepared: PreparedProject) -> Explain:
    """What says which file of the project is missing."""
    project = prepared.python
    if project is None:
        return lambda _: None
    return RepositoryFiles(
        paths=prepared.snapshot.entries.keys(),
        is_test_path=project.is_test_path,
        import_roots=project.import_roots,
        submodules=project.submodules,
    ).explain


def _meant(prepared: PreparedProject, only: Sequence[str]) -> str:
    """The question whether another test was meant, as the end of a sentence."""
    snapshot = prepared.snapshot
    files = [path for path in snapshot.python_files() if prepared.project.is_test_path(path)]
    near = near_names(only, files, lambda path: snapshot.text(path).text)
    return f". Did you mean {' or '.join(near)}?" if near else ""


def _limits(context: RunContext) -> BaselineLimits:
    """The limit of the whole repair is the only one on a run of all tests, where there is one."""
    seconds = context.seconds_left()
    return BaselineLimits(whole_seconds=seconds) if math.isfinite(seconds) else BaselineLimits()


def _nothing_to_edit(prepared: PreparedProject) -> str:
    """The sentence for a project in which no patch could change anything; empty for others."""
    paths = prepared.source_files()
    if any(prepared.is_source(p) and not prepared.project.is_config_path(p) for p in paths):
        return ""
    return (
        f"nothing may be edited: each of the {len(paths)} {prepared.language.name} files is a test "
        "or configures the tests; is this the folder of the project, and not of its tests alone?"
    )


def _older_pytest(evidence: BaselineEvidence, state: RepairState) -> int | None:
    """The major version to stay below, where an older pytest may do and is left to be tried."""
    last = state.get("pytest_below")
    older = [major for major in OLDER_PYTESTS if last is None or major < last]
    return older[0] if evidence.outgrown_pytest and older else None


def _can_be_shown(evidence: BaselineEvidence, context: RunContext) -> bool:
    """No test fails steadily, but somebody stated a problem: `reproduce` looks for a test of it,
    beside those that pass."""
    has_statement = bool((context.job.problem_statement or "").strip())
    can_run = evidence.ending is Status.NOTHING_TO_FIX or bool(evidence.baseline.passing)
    return evidence.ending in UNTOLD and can_run and has_statement and not context.job.only
