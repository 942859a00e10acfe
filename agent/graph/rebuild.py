"""What a run needs beside its checkpoints, made again where this machine does not have it.

The folder of a run is local: a service that goes on with a repair on another machine finds the
checkpoints in its database, and neither the snapshot nor the environment.
"""

from __future__ import annotations

from pathlib import Path

from agent.events import Progress
from agent.graph.nodes.prepare import build, snapshot_of
from agent.graph.run_context import Workbench
from agent.graph.state import RepairState
from agent.records import GeneratedTest
from agent.reproduction.extended_base import extend_base
from agent.runs.prepared import Prepared
from agent.serialization import restore
from sandbox.errors import EnvironmentDamaged


def rebuild(state: RepairState, bench: Workbench) -> bool:
    """Give the workbench what the state names. False: the target is no longer what it was.

    Raises SandboxError.
    """
    if "prepared" not in state:
        return True
    wanted = restore(Prepared, state["prepared"])
    if _is_here(wanted, bench):
        return True
    bench.listen(Progress(text="this machine has no copy of the project yet: taking one"))
    snapshot = snapshot_of(bench, wanted.base_commit or bench.job.at)
    sandbox, below = bench.sandbox(wanted.sandbox), state.get("pytest_below")
    bench.rebase(build(bench, sandbox, wanted.project, snapshot, below))
    for record in state.get("generated", []):
        test = restore(GeneratedTest, record)
        here = bench.prepared(state), bench.snapshot(state)
        bench.rebase(extend_base(*here, bench.folder.snapshot, test))
    # The name holds the digest of every file.
    return bench.prepared(state).snapshot == wanted.snapshot


def _is_here(wanted: Prepared, bench: Workbench) -> bool:
    try:
        found = bench.sandbox(wanted.sandbox).environment(wanted.environment.key)
    except EnvironmentDamaged:
        return False
    return (
        found is not None
        and (found.python, found.root) == (wanted.environment.python, wanted.environment.root)
        and (bench.folder.snapshot / wanted.snapshot).exists()
        and Path(wanted.source).exists()
    )
