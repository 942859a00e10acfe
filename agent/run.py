"""Run a repair from its start or from its last checkpoint, in this process."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from agent.config import Settings
from agent.errors import AgentError, CheckpointDamaged, RunNotFound, TargetChanged
from agent.events import Listener, Progress, Warned
from agent.graph.context.model_access import Meter, unmetered
from agent.graph.context.run_context import RunContext
from agent.graph.execution.first_stages import begin_first_stages, first_state
from agent.graph.outcome import compose, evidence_of
from agent.graph.rebuild import rebuild
from agent.graph.rounds import concluded
from agent.graph.state import RepairState
from agent.model.errors import ModelError
from agent.patches.changes import diff_bytes
from agent.records import RepairJob, RepairResult, Status
from agent.reproduction.extended_base import content_of
from agent.runs.checkpoints import Checkpoints, Saver, forget_run, in_file, keep_latest
from agent.runs.folder import RunFolder, new_folder, run_folder
from agent.runs.result_file import write_result
from agent.runs.retention import prune_runs
from agent.runs.stop import Interrupted
from sandbox.engines.reaper import reap
from sandbox.errors import BadTarget, SandboxError
from sandbox.git.login import Login

if TYPE_CHECKING:
    from agent.graph.repair_graph import RepairGraph

RECURSION_LIMIT = 100_000
"""Graph steps; the job's own budget ends a repair long before."""


def start(
    job: RepairJob,
    settings: Settings,
    listen: Listener,
    stop: threading.Event,
    login: Login | None = None,
) -> RepairResult:
    """Repair `job` from the beginning. Setting `stop` ends it within about two seconds.

    `login` is for fetching a target that is a URL, and kept nowhere.
    What need not be kept of old runs is removed first (`prune_runs`).
    Raises SandboxError for infrastructure and bad targets; every other end is a result.
    """
    job = job.asking(settings.model_url)
    _prune(settings, listen)
    folder = new_folder(settings, job.run_id)
    folder.save_job(job)
    try:
        return _drive(_bench(job, folder, settings, listen, stop, login), is_new=True)
    except BadTarget:
        folder.remove()  # nothing to go on with
        raise


def resume(
    run_id: str, settings: Settings, listen: Listener, stop: threading.Event
) -> RepairResult:
    """Go on with a run after its last finished node. Raises RunNotFound or RunLocked."""
    folder = run_folder(settings, run_id)
    job = folder.load_job()
    if folder.has_ended() and not folder.checkpoints.exists():
        raise RunNotFound(
            f"run {run_id} has ended, and its checkpoints are no longer kept; "
            f"`repair show {run_id}` shows its result"
        )
    return _drive(_bench(job, folder, settings, listen, stop))


def start_or_resume(
    job: RepairJob,
    settings: Settings,
    listen: Listener,
    stop: threading.Event,
    checkpoints: Checkpoints,
    meter: Meter = unmetered,
) -> RepairResult:
    """Start a run or go on with it, whichever its checkpoints say; they may have been written on
    another machine. Where the target changed since then, the run begins anew.

    Raises SandboxError, AgentError and ModelError: what was reached stays in the checkpoints.
    """
    job = job.asking(settings.model_url)
    folder = new_folder(settings, job.run_id)
    folder.ensure_job(job)

    def drive() -> RepairResult:
        return _drive(RunContext(job, folder, settings, listen, stop, checkpoints, meter))

    try:
        return drive()
    except TargetChanged as error:
        listen(Warned(text=f"{error}; beginning anew"))
        with checkpoints() as saver:
            forget_run(saver, folder.run_id, job.conversations)
    return drive()


def _prune(settings: Settings, listen: Listener) -> None:
    try:
        for sentence in prune_runs(settings):
            listen(Progress(text=sentence))
    except OSError as error:
        listen(Warned(text=f"old runs cannot be looked for: {error}"))


def _bench(
    job: RepairJob,
    folder: RunFolder,
    settings: Settings,
    listen: Listener,
    stop: threading.Event,
    login: Login | None = None,
) -> RunContext:
    checkpoints = in_file(folder.checkpoints)
    return RunContext(job, folder, settings, listen, stop, checkpoints, login=login)


def _drive(context: RunContext, *, is_new: bool = False) -> RepairResult:
    folder = context.folder
    for remnant in reap(context.settings.cache_dir, lambda text: context.listen(Warned(text=text))):
        context.listen(Progress(text=f"removed what a killed run left behind: {remnant}"))
    with folder.attempt(), closing(context):
        context.model.examine()
        if is_new:
            begin_first_stages(context)
        return _through_the_graph(context)


def _through_the_graph(context: RunContext) -> RepairResult:
    from agent.graph.repair_graph import repair_graph  # meanwhile the first stages go on

    config: Any = {
        "configurable": {"thread_id": context.folder.run_id},
        "recursion_limit": RECURSION_LIMIT,
    }
    with context.checkpoints() as saver:
        graph = repair_graph(saver)
        is_cancelled = False
        try:
            _walk(context, graph, config, saver)
        except Interrupted:
            is_cancelled = True
        except (SandboxError, AgentError, ModelError):
            if not context.stop.is_set():
                raise
            is_cancelled = True
        return _finish(context, graph.get_state(config).values, is_cancelled)


def _walk(context: RunContext, graph: RepairGraph, config: Any, saver: Saver) -> None:
    """Go from node to node. A checkpoint holds the whole state, and no run goes back behind its
    last one: the older ones are removed, or a run would keep its state once for each step."""
    start_state = _entrance(context, graph, config)
    for _ in graph.stream(start_state, config, context=context, durability="sync"):
        keep_latest(saver, context.folder.run_id)


def _entrance(context: RunContext, graph: RepairGraph, config: Any) -> RepairState | None:
    """What the graph is entered with: the job, or nothing where its checkpoints go on from."""
    state = _read_back(graph, config)
    if not state:  # new, or killed before the first checkpoint
        context.folder.journal.unlink(missing_ok=True)
        return first_state(context.job)
    if not rebuild(cast(RepairState, state), context):
        raise TargetChanged(
            f"{context.job.target} is no longer what run {context.job.run_id} began on"
        )
    return None


def _read_back(graph: RepairGraph, config: Any) -> dict[str, Any]:
    """The state of the last checkpoint; empty before the first. Raises CheckpointDamaged."""
    try:
        values: dict[str, Any] = graph.get_state(config).values
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointDamaged(f"a part is missing or of another kind: {error}") from error
    return values


def _finish(context: RunContext, state: dict[str, Any], cancelled: bool) -> RepairResult:
    folder, state = context.folder, concluded(state)
    if cancelled:
        result = compose(folder, state, Status.CANCELLED, context.cut_seconds())
    else:
        result = compose(folder, state, None)
    write_result(result, folder.result, evidence_of(folder, state))
    if result.patch is not None:
        folder.patch.write_bytes(diff_bytes(result.patch.diff))
    for test in result.generated_tests:
        folder.generated(test).write_bytes(content_of(test))
    return result
