"""Stopping a repair at once, whatever it waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from sandbox.base import (
    Environment,
    EnvironmentBuilder,
    Interpreter,
    Limits,
    Sandbox,
    Session,
)


class Interrupted(Exception):
    """The user or the service asked for an end. The last checkpoint stands."""


class StoppableSandbox:
    """A sandbox whose open sessions end when `stop` is set, so that no one waits for a test.

    Implements `sandbox.base.Sandbox`. The command that was running raises SandboxDied, which
    the node's wrapper turns into Interrupted because `stop` is set.
    """

    def __init__(self, inner: Sandbox, stop: threading.Event) -> None:
        self._inner = inner
        self._stop = stop
        self._closers: list[Callable[[], None]] = []
        self._guard = threading.Lock()
        self._finished = threading.Event()
        self.name = inner.name
        threading.Thread(target=self._watch, name="stop-watch", daemon=True).start()

    def interpreters(self) -> list[Interpreter]:
        return list(self._inner.interpreters())

    def environment(self, key: str) -> Environment | None:
        return self._inner.environment(key)

    def build(self, key: str, interpreter: Interpreter, source: Path) -> EnvironmentBuilder:
        builder = self._inner.build(key, interpreter, source)
        self._register(builder.discard)
        return builder

    def open(self, environment: Environment, source: Path, limits: Limits) -> Session:
        session = self._inner.open(environment, source, limits)
        self._register(session.close)
        return session

    def close(self) -> None:
        """End every session still open. Safe to call twice."""
        self._finished.set()
        self._close_all()

    def _register(self, closer: Callable[[], None]) -> None:
        with self._guard:
            self._closers.append(closer)
        if self._stop.is_set() or self._finished.is_set():
            self._close_all()

    def _watch(self) -> None:
        while not self._finished.is_set():
            if self._stop.wait(0.2):
                self._close_all()
                return

    def _close_all(self) -> None:
        with self._guard:
            closers, self._closers = self._closers, []
        for closer in closers:
            closer()
