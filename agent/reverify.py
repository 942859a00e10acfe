"""Take the verdict of a result again, from its evidence, on this machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from agent.checkpoints import in_file
from agent.config import Settings
from agent.court import Court, reader
from agent.errors import ResultUnreadable
from agent.events import Listener, Warned
from agent.job import GeneratedTest, RepairJob, Verdict
from agent.nodes.prepare import prepare
from agent.patch import diff_bytes
from agent.patch_reading import PatchRefused, apply_diff
from agent.records import plain
from agent.reproduction.adding import add_to_base
from agent.result import Evidence, read_evidence, read_result
from agent.runs import RunFolder
from agent.state import RepairState
from agent.verdict import judge_changes
from agent.workbench import Workbench
from sandbox.choose import choose
from sandbox.errors import EnvironmentBroken, SandboxUnavailable
from sandbox.owner import scratch_folder


def verify(result_path: Path, settings: Settings, listen: Listener) -> Verdict:
    """Fetch the target again, build its environment and judge the patch of the result.

    Raises ResultUnreadable when the file holds no patch, and the sandbox's errors.
    """
    result = read_result(result_path)
    evidence = read_evidence(result_path)
    if result.patch is None or evidence.baseline is None:
        raise ResultUnreadable(f"{result_path} holds no patch to verify ({result.status})")
    with scratch_folder() as scratch:
        folder = RunFolder(Path(scratch) / result.run_id)
        job = _job(result.run_id, evidence, settings)
        folder.save_job(job)
        bench = Workbench(
            job, folder, settings, listen, threading.Event(), in_file(folder.checkpoints)
        )
        with closing(bench):
            state = _prepared(bench, evidence, result.generated_tests, listen)
            return _judged(result.patch.diff, bench.court(state))


def _judged(diff: str, court: Court) -> Verdict:
    """The diff is judged, not the edits it was made from: it is what people apply."""
    try:
        changes = apply_diff(diff_bytes(diff), reader(court.base))
    except PatchRefused as refused:
        return Verdict(
            plausible=False, fail_to_pass={}, pass_to_pass={}, objections=(str(refused),)
        )
    return judge_changes(changes, court)


def _job(run_id: str, evidence: Evidence, settings: Settings) -> RepairJob:
    """The same job in the same kind of sandbox, or in the one this machine has."""
    python = evidence.python_version
    try:
        sandbox = choose(evidence.sandbox, settings.build_settings()).name
    except SandboxUnavailable:
        sandbox = "auto"
    return RepairJob(
        run_id=run_id,
        target=evidence.target,
        at=evidence.base_commit,
        sandbox=sandbox,
        install=evidence.install,
        test=evidence.test,
        python=".".join(map(str, python[:2])) if python else None,
        include_tests=evidence.include_tests,
    )


def _prepared(
    bench: Workbench, evidence: Evidence, generated: Sequence[GeneratedTest], listen: Listener
) -> RepairState:
    state: RepairState = {"job": plain(bench.job), "evidence": plain(evidence.baseline)}
    state.update(prepare(state, bench))  # type: ignore[typeddict-item]
    if "ending" in state:
        raise EnvironmentBroken(state["ending"]["reason"])
    for test in generated:
        try:
            state.update(add_to_base(state, bench, test))  # type: ignore[typeddict-item]
        except ValueError as error:
            raise ResultUnreadable(f"the test that was written cannot be added: {error}") from error
    if bench.snapshot(state).digest != evidence.snapshot_digest:
        listen(
            Warned(
                text="the target's files are not those the patch was made for; "
                "the verdict is about the files as they are here"
            )
        )
    return state
