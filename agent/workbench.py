"""What the nodes work with: the sandbox, the snapshot, the environment. Never in a checkpoint.

Everything here can be rebuilt from the state's `prepared` record and the run's folder, which is
how a resumed run gets its workbench back.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cached_property

from agent.config import Settings
from agent.events import Listener
from agent.interrupt import Interrupted, StoppableSandbox
from agent.job import RepairJob
from agent.proposers.base import Proposer
from agent.records import restore
from agent.runs import RunFolder
from agent.state import RepairState
from sandbox.base import MEBIBYTE, Environment, Limits, Session
from sandbox.choose import choose
from sandbox.project import Project
from sandbox.snapshot import Snapshot, load_snapshot


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What `prepare` found and built."""

    sandbox: str
    """The one chosen; a resumed run uses the same."""
    snapshot: str
    """Name of the index file in the run's snapshot folder."""
    project: Project
    environment: Environment


class Workbench:
    """The tools of one run in one process."""

    def __init__(
        self,
        job: RepairJob,
        folder: RunFolder,
        settings: Settings,
        listen: Listener,
        stop: threading.Event,
    ) -> None:
        self.job = job
        self.folder = folder
        self.settings = settings
        self.listen = listen
        self.stop = stop
        self.proposer: Proposer | None = None
        """Made by the first `propose`; keeps its place while this process lives."""
        self._sandbox: StoppableSandbox | None = None
        self._snapshot: Snapshot | None = None

    def raise_if_stopped(self) -> None:
        if self.stop.is_set():
            raise Interrupted

    def sandbox(self, name: str) -> StoppableSandbox:
        """The sandbox by name, opened once."""
        if self._sandbox is None:
            inner = choose(name, self.settings.build_settings())
            self._sandbox = StoppableSandbox(inner, self.stop)
        return self._sandbox

    def prepared(self, state: RepairState) -> Prepared:
        return restore(Prepared, state["prepared"])

    def snapshot(self, state: RepairState) -> Snapshot:
        if self._snapshot is None:
            self._snapshot = load_snapshot(self.folder.snapshot / state["prepared"]["snapshot"])
        return self._snapshot

    @cached_property
    def limits(self) -> Limits:
        return Limits(
            memory_bytes=self.settings.memory_mebibytes * MEBIBYTE,
            workspace_bytes=self.settings.workspace_mebibytes * MEBIBYTE,
            processes=self.settings.processes,
            cpus=float(os.cpu_count() or 1),
        )

    @property
    def workers(self) -> int:
        return os.cpu_count() or 1

    def open(self, state: RepairState) -> Session:
        """A fresh offline sandbox that holds the pristine base."""
        prepared = self.prepared(state)
        return self.sandbox(prepared.sandbox).open(
            prepared.environment, self.snapshot(state).tar, self.limits
        )

    def close(self) -> None:
        if self.proposer is not None:
            self.proposer.close()
        if self._sandbox is not None:
            self._sandbox.close()
