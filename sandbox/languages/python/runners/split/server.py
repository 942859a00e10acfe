"""The code under test in a sandbox of its own, asked by the host."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.base import Session
from sandbox.errors import EngineLost, SandboxDied
from sandbox.languages.python.runners.guest_sources import guest_source
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.python.runners.split.messages import ON_IMPORT, Function, Message, moved
from sandbox.languages.python.runners.split.server_program import BOOT, GUEST_MODULES
from sandbox.machine_identity import WORKSPACE, MachineIdentity
from sandbox.runners.byte_budget import ByteBudget, TooMuchSaid
from sandbox.runners.event import NoEvent, is_exchange, parse_message

ANSWER_SECONDS = 10.0
"""One call of a test; what hangs there hangs in the tests as well."""
SERVER_START_SECONDS = 60.0
MAX_ASKED_NAMES = 10_000
"""Different names that the code asks of the machine; the guest itself tells a hundred a time."""


@dataclass(frozen=True)
class NameState:
    """The state of one name of a module, as text."""

    looks: str
    literal: str | None
    """For plain data: the expression that makes it."""


class Server:
    """The code under test, ready to be called. Not a context manager: its session is.

    Whoever asks speaks of places as `seen_from` knows them (by default as the session does).
    """

    def __init__(
        self, session: Session, setup: PytestSetup, seen_from: MachineIdentity | None = None
    ) -> None:
        self.asked: dict[Function, set[str]] = {}
        """What the code asked of the machine: function that was called → names such as
        `os.stat`."""
        self._called: Function = ON_IMPORT
        self._budget = ByteBudget()
        self._gone: Message = {}
        nonce = secrets.token_hex(16)
        self._prefix = nonce.encode() + b" "
        self._process = session.start(
            [session.identity.python(setup.python), "-I", "-S", "-c", BOOT, BOOT],
            cwd="/",
            env=setup.variables,
        )
        top = session.workspace.rstrip("/")
        roots = [f"{top}/{root}".removesuffix("/.") for root in setup.import_roots]
        sources = [(name, guest_source(name)) for name in GUEST_MODULES]
        self._server_identity = session.identity
        self._caller_identity = seen_from or session.identity
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
        target = message.get("ask", {})
        if "path" in target:
            self._called = (target["path"], target["name"])
        try:
            question = moved(message, self._caller_identity, self._server_identity)
            self._process.send(json.dumps(question).encode("ascii"))
            deadline = time.monotonic() + timeout_seconds
            while (
                line := self._process.receive(max(0.0, deadline - time.monotonic()))
            ) is not None:
                self._budget.charge(len(line))
                if line.startswith(self._prefix):
                    answer = moved(
                        _message(line[len(self._prefix) :]),
                        self._server_identity,
                        self._caller_identity,
                    )
                    self._note(answer.pop("machine", ()))
                    return answer
            # A late answer would be taken for that to the next question.
            self._gone = {"how": "gone", "why": f"no answer within {timeout_seconds:g} s"}
        except EngineLost:
            raise
        except SandboxDied as death:
            self._gone = {"how": "gone", "why": str(death)[:200]}
        return self._gone

    def _note(self, asked: object) -> None:
        """Keep what was asked of the machine on import, and in calls."""
        if not (isinstance(asked, list) and len(asked) == 2 and all(map(_is_texts, asked))):
            return
        for function, names in zip((ON_IMPORT, self._called), asked, strict=True):
            self.asked.setdefault(function, set()).update(names)
        if sum(map(len, self.asked.values())) > MAX_ASKED_NAMES:
            raise TooMuchSaid(f"the code asked the machine for over {MAX_ASKED_NAMES:,} things")

    def load(
        self, modules: Sequence[str], timeout_seconds: float = SERVER_START_SECONDS
    ) -> str | None:
        """Import modules; what went wrong, or None."""
        answer = self.ask({"import": list(modules)}, min(SERVER_START_SECONDS, timeout_seconds))
        return None if answer.get("how") == "returned" else str(answer.get("why"))

    def module_state(self, modules: Sequence[str]) -> dict[str, NameState]:
        """What the project's modules hold once these are imported: `module:name` → how it looks,
        and its literal. Empty where the other side gives no such answer."""
        state = self.ask({"portrait": list(modules)}, SERVER_START_SECONDS).get("portrait")
        if not isinstance(state, dict):
            return {}
        return {
            name: NameState(looks=str(parts[0]), literal=_text_or_none(parts[1]))
            for name, parts in state.items()
            if isinstance(parts, list) and len(parts) == 2
        }


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _message(line: bytes) -> Message:
    """Whatever runs there may write what it likes."""
    try:
        message = parse_message(line)
    except NoEvent:
        message = {}
    if not ({"ask", "how"} & message.keys() and is_exchange(message)):
        return {"how": "gone", "why": "it answered with something else"}
    return message
