"""Run a repair from its start or from its last checkpoint, in this process."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

from agent.checkpoints import checkpoints
from agent.config import Settings
from agent.errors import AgentError, CheckpointDamaged
from agent.events import Listener, Progress
from agent.graph import RepairGraph, repair_graph
from agent.interrupt import Interrupted
from agent.job import RepairJob, RepairResult, Status
from agent.patch import diff_bytes
from agent.records import plain
from agent.report import compose, evidence_of
from agent.result import write_result
from agent.runs import RunFolder, new_folder, run_folder
from agent.state import RepairState
from agent.workbench import Workbench
from sandbox.errors import BadTarget, SandboxError
from sandbox.reaper import reap

RECURSION_LIMIT = 100_000
"""Graph steps; the job's own budget ends a repair long before."""


def start(
    job: RepairJob, settings: Settings, listen: Listener, stop: threading.Event
) -> RepairResult:
    """Repair `job` from the beginning. Setting `stop` ends it within about two seconds.

    Raises SandboxError for infrastructure and bad targets; every other end is a result.
    """
    folder = new_folder(settings, job.run_id)
    folder.save_job(job)
    try:
        return _drive(folder, {"job": plain(job)}, settings, listen, stop)
    except BadTarget:
        folder.remove()  # nothing to go on with
        raise


def resume(
    run_id: str, settings: Settings, listen: Listener, stop: threading.Event
) -> RepairResult:
    """Go on with a run after its last finished node. Raises RunNotFound or RunLocked."""
    folder = run_folder(settings, run_id)
    return _drive(folder, None, settings, listen, stop)


def _drive(
    folder: RunFolder,
    initial: RepairState | None,
    settings: Settings,
    listen: Listener,
    stop: threading.Event,
) -> RepairResult:
    job = folder.load_job()
    for what in reap(settings.cache_dir):
        listen(Progress(text=f"removed what a killed run left behind: {what}"))
    with folder.lock(), closing(Workbench(job, folder, settings, listen, stop)) as bench:
        bench.meet_model()
        with checkpoints(folder.checkpoints) as saver:
            graph = repair_graph(saver)
            config: Any = {
                "configurable": {"thread_id": folder.run_id},
                "recursion_limit": RECURSION_LIMIT,
            }
            if initial is None and not _read_back(graph, config):
                initial = {"job": plain(job)}  # killed before the first checkpoint
            try:
                graph.invoke(initial, config, context=bench, durability="sync")
            except Interrupted:
                cancelled = True
            except (SandboxError, AgentError):
                if not stop.is_set():
                    raise
                cancelled = True
            else:
                cancelled = False
            state = graph.get_state(config).values
        return _finish(folder, state, cancelled)


def _read_back(graph: RepairGraph, config: Any) -> dict[str, Any]:
    """The state of the last checkpoint; empty before the first. Raises CheckpointDamaged."""
    try:
        values: dict[str, Any] = graph.get_state(config).values
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointDamaged(f"a part is missing or of another kind: {error}") from error
    return values


def _finish(folder: RunFolder, state: dict[str, Any], cancelled: bool) -> RepairResult:
    result = compose(folder, state, Status.CANCELLED if cancelled else None)
    write_result(result, folder.result, evidence_of(folder, state))
    if result.patch is not None:
        folder.patch.write_bytes(diff_bytes(result.patch.diff))
    for test in result.generated_tests:
        folder.generated(test).write_text(test.text, encoding="utf-8")
    return result
