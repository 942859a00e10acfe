"""Stopping a repair at once, whatever it waits for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from sandbox.base import (
    Environment,
    EnvironmentBuilder,
    Interpreter,
    Limits,
    Sandbox,
    Session,
)
from sandbox.machine_identity import MachineIdentity


class Interrupted(Exception):
    """The user or the service asked for an end. The last checkpoint stands."""


def raise_if_stopped(stop: threading.Event) -> None:
    """Raises Interrupted once `stop` is set."""
    if stop.is_set():
        raise Interrupted


class StoppableSandbox:
    """A sandbox whose open sessions end when `stop` is set, so that no one waits for a test.

    Implements `sandbox.base.Sandbox`. The command that was running raises SandboxDied, which
    the node's wrapper turns into Interrupted because `stop` is set.
    """

    def __init__(self, inner: Sandbox, stop: threading.Event) -> None:
        self._inner = inner
        self._stop = stop
        self._sessions: list[Session] = []
        self._builders: list[EnvironmentBuilder] = []
        self._guard = threading.Lock()
        self._finished = threading.Event()
        self.name = inner.name
        threading.Thread(target=self._watch, name="stop-watch", daemon=True).start()

    def interpreters(self) -> list[Interpreter]:
        return list(self._inner.interpreters())

    def environment(self, key: str) -> Environment | None:
        return self._inner.environment(key)

    def environment_key_parts(self, interpreter: Interpreter) -> Sequence[str]:
        return self._inner.environment_key_parts(interpreter)

    def build(
        self,
        key: str,
        interpreter: Interpreter,
        source: Path,
        base: Environment | None = None,
        *,
        folders: Sequence[str] = (),
    ) -> EnvironmentBuilder:
        builder = self._inner.build(key, interpreter, source, base, folders=folders)
        with self._guard:
            self._builders.append(builder)
        self._end_if_stopped()
        return builder

    def open(
        self,
        environment: Environment,
        source: Path,
        limits: Limits,
        identity: MachineIdentity | None = None,
    ) -> Session:
        session = self._inner.open(environment, source, limits, identity)
        with self._guard:
            # A long repair opens thousands: those that are over are not kept to its end.
            self._sessions = [
                held_session for held_session in self._sessions if not held_session.closed
            ]
            self._sessions.append(session)
        self._end_if_stopped()
        return session

    def close(self) -> None:
        """End every session still open. Safe to call twice."""
        self._finished.set()
        self._close_all()

    def _end_if_stopped(self) -> None:
        if self._stop.is_set() or self._finished.is_set():
            self._close_all()

    def _watch(self) -> None:
        while not self._finished.is_set():
            if self._stop.wait(0.2):
                self._close_all()
                return

    def _close_all(self) -> None:
        with self._guard:
            sessions, self._sessions = self._sessions, []
            builders, self._builders = self._builders, []
        for session in sessions:
            session.close()
        for builder in builders:
            builder.discard()
