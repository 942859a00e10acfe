"""What a run needs beside its checkpoints, made again where this machine does not have it.

The folder of a run is local: a service that goes on with a repair on another machine finds the
checkpoints in its database, and neither the snapshot nor the environment.
"""

from __future__ import annotations

from pathlib import Path

from agent.events import Progress
from agent.graph.context.run_context import RunContext
from agent.graph.nodes.prepare import build, snapshot_of
from agent.graph.state import RepairState
from agent.records import GeneratedTest
from agent.reproduction.extended_base import extend_base
from agent.runs.prepared import Prepared
from agent.serialization import restore
from sandbox.errors import EnvironmentDamaged


def rebuild(state: RepairState, context: RunContext) -> bool:
    """Give the run what its state names. False: the target is no longer what it was.

    Raises SandboxError.
    """
    if "prepared" not in state:
        return True
    original = restore(Prepared, state["prepared"])
    if _is_here(original, context):
        return True
    context.listen(Progress(text="this machine has no copy of the project yet: taking one"))
    snapshot = snapshot_of(context, original.base_commit or context.job.at)
    sandbox, below = context.sandboxes.by_name(original.sandbox), state.get("pytest_below")
    context.replace(build(context, sandbox, original.project, snapshot, below))
    for record in state.get("generated", []):
        test = restore(GeneratedTest, record)
        here = context.prepared(state)
        context.replace(extend_base(here.record, here.snapshot, context.folder.snapshot, test))
    # The name holds the digest of every file.
    return context.prepared(state).record.snapshot == original.snapshot


def _is_here(wanted: Prepared, context: RunContext) -> bool:
    try:
        copy = context.sandboxes.by_name(wanted.sandbox).environment(wanted.environment.key)
    except EnvironmentDamaged:
        return False
    return (
        copy is not None
        and (copy.python, copy.root) == (wanted.environment.python, wanted.environment.root)
        and (context.folder.snapshot / wanted.snapshot).exists()
        and Path(wanted.source).exists()
    )
