"""Starts a guest program inside a session and reads its events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.base import Process, Session
from sandbox.runners.byte_budget import ByteBudget
from sandbox.runners.event import Event, parse_event


class Program:
    """A guest program that is running. Its events carry a nonce; other lines are dropped."""

    def __init__(self, process: Process, nonce: bytes, budget: ByteBudget) -> None:
        self._process, self._budget = process, budget
        self._prefix = nonce + b" "

    def event(self, timeout_seconds: float) -> Event | None:
        """The next event, None at a time-out. Raises SandboxDied when the program ended, or sent
        what is no event."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            line = self._process.receive(max(0.0, deadline - time.monotonic()))
            if line is None:
                return None
            self._budget.charge(len(line))
            if line.startswith(self._prefix):
                return parse_event(line[len(self._prefix) :])

    def events(self, timeout_seconds: float) -> Iterator[Event]:
        """Events until the time is over. Raises SandboxDied when the program ended."""
        deadline = time.monotonic() + timeout_seconds
        while (event := self.event(max(0.0, deadline - time.monotonic()))) is not None:
            yield event

    def send(self, message: Mapping[str, Any]) -> None:
        self._process.send(json.dumps(message).encode("ascii"))

    def kill(self) -> None:
        self._process.kill()


BOOT = "boot"
"""Name among the sources of the code that is run first."""


def start(
    session: Session,
    python: str,
    entry: str,
    request: Mapping[str, Any],
    sources: Mapping[str, str],
    env: Mapping[str, str] | None = None,
    budget: ByteBudget | None = None,
) -> Program:
    """Start guest module `entry` (`folder.module`) on the interpreter `python` with `request`,
    which is plain data. `sources` are its guest modules, name → text. `budget`: what it may say, by
    default as much as one run."""
    nonce = secrets.token_hex(16)
    modules = {name: text for name, text in sources.items() if name != BOOT}
    boot = sources[BOOT]
    process = session.start([python, "-I", "-S", "-c", boot, boot], env=env)
    full_request = {**request, "nonce": nonce, "workspace": session.workspace}
    program = Program(process, nonce.encode(), budget or ByteBudget())
    program.send({"sources": modules, "entry": entry, "request": full_request})
    return program
