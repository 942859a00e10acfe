"""prepare: from the target as given to a snapshot, a project and an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.events import Progress, Warned
from agent.graph.context.run_context import RunContext
from agent.graph.outcome import Ending
from agent.graph.state import RepairState
from agent.records import RepairJob, Status
from agent.runs.prepared import Prepared
from agent.serialization import plain
from sandbox.base import Sandbox
from sandbox.errors import EnvironmentBroken
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.base import Overrides
from sandbox.languages.choose import AnyProject, language_of, understand
from sandbox.languages.javascript.detection.detect import why_untested
from sandbox.languages.other_languages import other_language
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot


def prepare(
    state: RepairState,
    context: RunContext,
    tests: Sequence[str] | None = None,
    changed: Sequence[str] = (),
) -> dict[str, Any]:
    """`tests` say which packages of a workspace are meant; those that the user names, if None. The
    files that a patch changed say which of several languages is."""
    job = context.job
    snapshot = snapshot_of(context, job.at)
    project = understood(snapshot, job, job.only if tests is None else tests, changed)
    for note in (*snapshot.notes, *project.notes):
        context.listen(Warned(text=note))
    for sentence in project.why:
        context.listen(Progress(text=sentence))
    if not project.has_tests:
        return _ended(Status.NO_TESTS, _without_tests(snapshot, job))
    sandbox = context.sandboxes.by_name(job.sandbox)
    context.listen(Progress(text=f"sandbox: {sandbox.name}"))
    try:
        record = build(context, sandbox, project, snapshot, state.get("pytest_below"))
    except EnvironmentBroken as error:
        return _ended(Status.ENVIRONMENT_BROKEN, str(error))
    return {
        "prepared": plain(record),
        "summary": f"{project.name}, {project.runner}, {toolchain(record)}, {sandbox.name}",
    }


def toolchain(record: Prepared) -> str:
    """What runs the project's code, e.g. `Python 3.12.1`."""
    version = ".".join(map(str, record.environment.python_version))
    return record.environment.toolchain or f"Python {version}"


def _without_tests(snapshot: Snapshot, job: RepairJob) -> str:
    language = other_language(snapshot.entries)
    if not language:
        return "no tests were found; name the command with --test"
    why = why_untested(snapshot, Overrides(test=job.test, only=tuple(job.only)))
    return (
        f"this is a {language} repository: {why or 'no tests that can be run were found'}; tests "
        "of Python can, those of JavaScript with node:test, mocha, jest, vitest, tape, tap or uvu, "
        "those of Go where a go.mod and those of Rust where a Cargo.toml stands above them; name "
        "their command with --test"
    )


def build(
    context: RunContext,
    sandbox: Sandbox,
    project: AnyProject,
    snapshot: Snapshot,
    pytest_below: int | None,
) -> Prepared:
    """The environment for these files. Raises SandboxError."""
    result = language_of(project).prepare(
        sandbox,
        project,
        snapshot,
        lambda text: context.listen(Progress(text=text)),
        runner_below=pytest_below,
        owner=context.settings.owner,
    )
    for sentence in (*result.left_out, *result.not_built):
        context.listen(Warned(text=sentence))
    return Prepared(
        sandbox=sandbox.name,
        snapshot=snapshot.tar.with_suffix(".json").name,
        project=project,
        environment=result.environment,
        source=str(result.source),
        not_built=result.not_built,
        packages=result.packages,
        base_commit=None if snapshot.dirty else snapshot.base_commit,
    )


def understood(
    snapshot: Snapshot, job: RepairJob, tests: Sequence[str], changed: Sequence[str] = ()
) -> AnyProject:
    """The project as the job wants it run. `tests` say which packages of a workspace are meant, or
    `changed` files which language."""
    overrides = Overrides(
        install=job.install,
        test=job.test,
        python=job.python,
        env=job.env,
        only=tuple(tests),
        changed=tuple(changed),
    )
    project = understand(snapshot, overrides)
    if (
        isinstance(project, PythonProject)
        and project.runner is RunnerKind.UNITTEST
        and not project.tests.named
        and any("::" in test_id for test_id in job.only)
    ):
        # The user speaks pytest's language, and pytest runs unittest's cases too.
        return understand(snapshot, replace(overrides, test="pytest"))
    return project


def snapshot_of(context: RunContext, at: str | None) -> Snapshot:
    """The target's files, at a commit or as they are. Raises BadTarget or DiskFull."""
    with scratch_folder() as scratch:
        job, folder = context.job, Path(scratch)
        root = None if job.root is None else Path(job.root)
        tree = resolve(
            job.target,
            at,
            folder,
            reach=job.reach,
            root=root,
            login=context.login,
            cut_off=lambda: context.cut_off,
        )
        return take_snapshot(tree, context.folder.snapshot)


def _ended(status: Status, reason: str) -> dict[str, Any]:
    return {"ending": plain(Ending(status, reason)), "summary": reason}
