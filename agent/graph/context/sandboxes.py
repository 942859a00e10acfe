"""The sandboxes of one run: all of one kind, all within the limits of the settings."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from agent.config import Settings
from agent.runs.prepared import Prepared
from agent.runs.stop import StoppableSandbox
from sandbox.base import Limits, Session
from sandbox.engines.choose import choose
from sandbox.machine_identity import MachineIdentity


class Sandboxes:
    """Opens sessions that end when the run is stopped."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._sandbox: StoppableSandbox | None = None
        self.closed = False
        self._guard = threading.Lock()

    def by_name(self, name: str) -> StoppableSandbox:
        """The sandbox of this name, opened once. Raises SandboxUnavailable."""
        with self._guard:
            if self._sandbox is None:
                sandbox = choose(name, self._settings.build_settings())
                self._sandbox = StoppableSandbox(sandbox, self._stop)
                if self.closed:
                    self._sandbox.close()
            return self._sandbox

    def open(self, prepared: Prepared, identity: MachineIdentity | None = None) -> Session:
        """A fresh offline session that holds the pristine base. Raises SandboxError."""
        sandbox = self.by_name(prepared.sandbox)
        return sandbox.open(prepared.environment, Path(prepared.source), self.limits, identity)

    @property
    def limits(self) -> Limits:
        return self._settings.session_limits(float(self.workers))

    @property
    def workers(self) -> int:
        """Candidates that are tried at once."""
        return os.cpu_count() or 1

    def close(self) -> None:
        """End every session, and each that is opened later."""
        self.closed = True
        if self._sandbox is not None:
            self._sandbox.close()
