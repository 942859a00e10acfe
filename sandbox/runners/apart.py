"""Tests in one sandbox, the code they call in another, and the host between them.

The chosen functions in the sandbox of the tests ask the host: those of the base for their answer
(`guest/apart_run.py`), those of the patch for a comparison (`guest/witness_run.py`). The sandbox
of the code has no test in it that runs (`guest/serve.py`).
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from sandbox.base import Session
from sandbox.errors import EngineLost, SandboxDied
from sandbox.identity import Identity
from sandbox.inside import TEMPORARY, WORKSPACE
from sandbox.runners.base import TestReport
from sandbox.runners.program import FILES, Event
from sandbox.runners.pytest import PytestSetup
from sandbox.runners.streamed import GuestRun, run_streamed

Message = dict[str, Any]


class Side(IntEnum):
    """Whose place of a function is meant: the two files differ in their lines."""

    BASE = 0
    PATCH = 1


class Asked(StrEnum):
    """What the functions on the tests' side are for: the guest program that runs there."""

    ANSWER = "apart_run"
    """They are the base's, and return what the other side answers."""
    COMPARISON = "witness_run"
    """They are the patch's, and return what they return."""


ANSWER_SECONDS = 10.0
"""One call of a test; what hangs there hangs in the tests as well."""
START_SECONDS = 60.0
MODULES = (
    "unsendable",
    "kinds",
    "landmarks",
    "handles",
    "book",
    "packer",
    "unpacker",
    "view",
    "wire",
    "serve",
)
"""What the server is made of: files of `guest`, each after those it imports."""
# Leaves nothing behind by which the code could tell who started it: no module, no name.
_BOOT = """
def run():
    del globals()["run"]
    import os, sys, json, types
    unread = b""
    while b"\\n" not in unread:
        piece = os.read(0, 1 << 16)
        if not piece: os._exit(0)
        unread += piece
    line, _, unread = unread.partition(b"\\n")
    program = json.loads(line)
    package = sys.modules["s"] = types.ModuleType("s")
    package.__path__ = []
    for name, source in program["sources"]:
        module = sys.modules["s." + name] = types.ModuleType("s." + name)
        module.__package__ = "s"
        exec(source, module.__dict__)
    for name in ["s"] + ["s." + name for name, _ in program["sources"]]:
        del sys.modules[name]
    module.main(program["request"], unread)
run()
"""


class Server:
    """The code under test, ready to be called. Not a context manager: its session is."""

    def __init__(self, session: Session, setup: PytestSetup) -> None:
        self._gone: Message = {}
        nonce = secrets.token_hex(16)
        self._prefix = nonce.encode() + b" "
        self._process = session.start(
            [session.identity.python(setup.python), "-W", "default", "-c", _BOOT],
            cwd="/",
            env=setup.variables,
        )
        top = session.workspace.rstrip("/")
        roots = [f"{top}/{root}".removesuffix("/.") for root in setup.import_roots]
        sources = [
            (name, FILES.joinpath(f"{name}.py").read_text(encoding="utf-8")) for name in MODULES
        ]
        self.identity = session.identity
        request = {
            "nonce": nonce,
            "workspace": session.workspace,
            "import_roots": roots,
            "arguments": list(session.identity.arguments),
            "disguise": WORKSPACE if session.workspace != WORKSPACE else "",
            "cwd": session.identity.home if session.workspace != WORKSPACE else "/",
        }
        self._process.send(json.dumps({"sources": sources, "request": request}).encode("ascii"))

    def ask(self, message: Mapping[str, Any], timeout_seconds: float = ANSWER_SECONDS) -> Message:
        """The next message of the other side: an answer, or a question of its own."""
        if self._gone:
            return self._gone
        try:
            self._process.send(json.dumps(message).encode("ascii"))
            deadline = time.monotonic() + timeout_seconds
            while (
                line := self._process.receive(max(0.0, deadline - time.monotonic()))
            ) is not None:
                if line.startswith(self._prefix):
                    return _message(line[len(self._prefix) :])
            # A late answer would be taken for that to the next question.
            self._gone = {"how": "gone", "why": f"no answer within {timeout_seconds:g} s"}
        except EngineLost:
            raise
        except SandboxDied as death:
            self._gone = {"how": "gone", "why": str(death)[:200]}
        return self._gone

    def load(self, modules: Sequence[str]) -> str | None:
        """Import modules; what went wrong, or None."""
        answer = self.ask({"import": list(modules)}, START_SECONDS)
        return None if answer.get("how") == "returned" else str(answer.get("why"))


def _message(line: bytes) -> Message:
    """Whatever runs there may write what it likes."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not ({"ask", "how"} & message.keys()):
        return {"how": "gone", "why": "it answered with something else"}
    return message


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one test's result says of the calls that crossed."""

    asked: int = 0
    """How many did."""
    unsure: tuple[str, ...] = ()
    """Why the result proves nothing; empty when it does."""
    foreign: str = ""
    """What came back that compares by rules of its own, unknown to the base."""
    hidden: str = ""
    """What of the compared values nobody can see."""
    differs: str = ""
    """How the two sides differed."""
    seen: str = ""
    """Digest of what the functions did on the tests' side."""


@dataclass(frozen=True, kw_only=True)
class ApartReport:
    """What the tests say of code that is elsewhere."""

    report: TestReport
    calls: Mapping[str, Said]
    """For each test of the report."""
    questions: tuple[Message, ...]
    """Outermost calls in their order, as they were sent, without their place."""

    def said(self, test_id: str) -> Said:
        """Nothing for a test that was not run to its end."""
        return self.calls.get(test_id, Said())


@dataclass
class _Post:
    """Carries messages, and keeps what is said of each test."""

    server: Server
    side: Side
    identity: Identity
    """Of the tests' side."""
    calls: dict[str, Said] = field(default_factory=dict)
    questions: list[Message] = field(default_factory=list)

    def take(self, event: Event) -> Message | None:
        if event["event"] == "result":
            self.calls[event["id"]] = Said(
                asked=event.get("asked", 0),
                unsure=tuple(event.get("unsure", ())),
                **{name: event.get(name, "") for name in ("foreign", "hidden", "differs", "seen")},
            )
        if event["event"] != "peer":
            return None
        message: Message = event["message"]
        target = message.get("ask", {})
        if "path" in target:
            self.questions.append(message)
            message = placed(message, self.side)
        here, there = self.identity, self.server.identity
        return moved(self.server.ask(moved(message, here, there)), there, here)


def placed(question: Message, side: Side) -> Message:
    """The question as the server on this side understands it."""
    target = question["ask"]
    return {**question, "ask": {**target, "line": target["lines"][side]}}


def moved(message: Message, source: Identity, target: Identity) -> Message:
    """The message with the places of one machine as the other knows them: a path that a test
    passes on, or is given, names the same file there."""
    text = moved_text = json.dumps(message)
    for one, other in ((source.workspace, target.workspace), (source.home, target.home)):
        if one != other and one != TEMPORARY:
            moved_text = re.sub(rf"{re.escape(one)}(?![\w.-])", other, moved_text)
    return message if text == moved_text else json.loads(moved_text)


def run_apart(
    session: Session,
    setup: PytestSetup,
    server: Server,
    side: Side,
    test_ids: Sequence[str],
    asked: Asked,
    *,
    sources: Sequence[str],
    timeout_seconds: float,
    test_timeout_seconds: float | None = None,
) -> ApartReport:
    """Run the tests in `session`, whose files ask; `sources` are the project's files that are no
    tests: only objects of their classes may come back.
    """
    post = _Post(server, side, session.identity)
    listen: Callable[[Event], Message | None] = post.take
    report = run_streamed(
        session,
        GuestRun(
            entry=asked,
            python=setup.python,
            request={**setup.request(), "sources": list(sources)},
            env=setup.variables,
        ),
        test_ids,
        timeout_seconds=timeout_seconds,
        test_timeout_seconds=test_timeout_seconds,
        listener=listen,
    )
    return ApartReport(
        report=report,
        calls=post.calls,
        questions=tuple(post.questions),
    )
