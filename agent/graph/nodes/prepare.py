"""prepare: from the target as given to a snapshot, a project and an environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.events import Progress, Warned
from agent.graph.outcome import Ending
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.records import RepairJob, Status
from agent.runs.prepared import Prepared
from agent.serialization import plain
from sandbox.base import Sandbox
from sandbox.errors import EnvironmentBroken
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import Overrides, Project
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot


def prepare(state: RepairState, context: RunContext) -> dict[str, Any]:
    job = context.job
    snapshot = snapshot_of(context, job.at)
    project = _understood(snapshot, job)
    for note in (*snapshot.notes, *project.notes):
        context.listen(Warned(text=note))
    for sentence in project.why:
        context.listen(Progress(text=sentence))
    if not project.has_tests:
        return _ended(Status.NO_TESTS, "no tests were found; name the command with --test")
    sandbox = context.sandboxes.by_name(job.sandbox)
    context.listen(Progress(text=f"sandbox: {sandbox.name}"))
    try:
        prepared = build(context, sandbox, project, snapshot, state.get("pytest_below"))
    except EnvironmentBroken as error:
        return _ended(Status.ENVIRONMENT_BROKEN, str(error))
    version = ".".join(map(str, prepared.environment.python_version))
    return {
        "prepared": plain(prepared),
        "summary": f"{project.name}, {project.runner}, Python {version}, {sandbox.name}",
    }


def build(
    context: RunContext,
    sandbox: Sandbox,
    project: Project,
    snapshot: Snapshot,
    pytest_below: int | None,
) -> Prepared:
    """The environment for these files. Raises SandboxError."""
    built = prepare_environment(
        sandbox,
        project,
        snapshot,
        lambda text: context.listen(Progress(text=text)),
        pytest_below=pytest_below,
        owner=context.settings.owner,
    )
    for sentence in (*built.left_out, *built.not_built):
        context.listen(Warned(text=sentence))
    return Prepared(
        sandbox=sandbox.name,
        snapshot=snapshot.tar.with_suffix(".json").name,
        project=project,
        environment=built.environment,
        source=str(built.source),
        not_built=built.not_built,
        base_commit=None if snapshot.dirty else snapshot.base_commit,
    )


def _understood(snapshot: Snapshot, job: RepairJob) -> Project:
    given = Overrides(install=job.install, test=job.test, python=job.python, env=job.env)
    project = understand(snapshot, given)
    chosen_freely = project.runner is RunnerKind.UNITTEST and not project.tests.named
    if chosen_freely and any("::" in test_id for test_id in job.only):
        # The user speaks pytest's language, and pytest runs unittest's cases too.
        return understand(snapshot, replace(given, test="pytest"))
    return project


def snapshot_of(context: RunContext, at: str | None) -> Snapshot:
    """The target's files, at a commit or as they are. Raises BadTarget or DiskFull."""
    with scratch_folder() as scratch:
        root = None if context.job.root is None else Path(context.job.root)
        tree = resolve(context.job.target, at, Path(scratch), reach=context.job.reach, root=root)
        return take_snapshot(tree, context.folder.snapshot)


def _ended(status: Status, reason: str) -> dict[str, Any]:
    return {"ending": plain(Ending(status, reason)), "summary": reason}
