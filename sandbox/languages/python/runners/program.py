"""Starts a guest program inside a session and reads its events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from sandbox.base import Process, Session
from sandbox.languages.python.runners.event import Event, parse_event

_FOLDER = resources.files("sandbox.languages.python.guest_programs")


def guest_source(name: str) -> str:
    """The text of a guest module, by its dotted name below `guest_programs`."""
    *folders, file = name.split(".")
    return _FOLDER.joinpath(*folders, f"{file}.py").read_text(encoding="utf-8")


def _sources(folder: Traversable = _FOLDER, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}.")
        elif entry.name.endswith(".py") and entry.name not in ("__init__.py", "boot.py"):
            yield f"{prefix}{entry.name[:-3]}", entry.read_text(encoding="utf-8")


class Program:
    """A guest program that is running. Its events carry a nonce; other lines are dropped."""

    def __init__(self, process: Process, nonce: bytes) -> None:
        self._process = process
        self._prefix = nonce + b" "

    def event(self, timeout_seconds: float) -> Event | None:
        """The next event, None at a time-out. Raises SandboxDied when the program ended, or sent
        what is no event."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            line = self._process.receive(max(0.0, deadline - time.monotonic()))
            if line is None:
                return None
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


def start(
    session: Session,
    python: str,
    entry: str,
    request: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
) -> Program:
    """Start guest module `entry` (`folder.module`) on the interpreter `python` with `request`,
    which is plain data."""
    nonce = secrets.token_hex(16)
    boot = guest_source("boot")
    process = session.start([python, "-I", "-S", "-c", boot, boot], env=env)
    filled = {**request, "nonce": nonce, "workspace": session.workspace}
    program = Program(process, nonce.encode())
    program.send({"sources": dict(_sources()), "entry": entry, "request": filled})
    return program
