"""Tests in one sandbox, the code they call in another, and the host between them.

The chosen functions in the sandbox of the tests ask the host: those of the base for their answer
(`split_calls/remote_run.py`, `split_calls/explain_run.py`), those of the patch for a comparison
(`split_calls/replay_run.py`). The sandbox of the code has no test in it that runs
(`split_calls/server.py`).
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from sandbox.base import MEBIBYTE, Session
from sandbox.errors import EngineLost, SandboxDied
from sandbox.identity import TEMPORARY, WORKSPACE, Identity
from sandbox.languages.python.runners.guest_sources import guest_source, guest_sources
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import TestReport
from sandbox.runners.byte_budget import ByteBudget, TooMuchSaid
from sandbox.runners.event import Event, NoEvent, is_exchange, parse_message
from sandbox.runners.restarts import GuestRun, run_with_restarts

Message = dict[str, Any]


class Side(IntEnum):
    """Whose place of a function is meant: the two files differ in their lines."""

    BASE = 0
    PATCH = 1


class CallMode(StrEnum):
    """What the functions on the tests' side are for: the guest program that runs there."""

    ANSWER = "split_calls.remote_run"
    """They are the base's, and return what the other side answers."""
    COMPARISON = "split_calls.replay_run"
    """They are the patch's, and return what they return."""
    EXPLANATION = "split_calls.explain_run"
    """They are the base's, and return what the other side answers; all functions ask."""


Function = tuple[str, str]
"""Path and name of a function, without its class."""

ON_IMPORT: Function = ("", "")
"""Stands for what no call does, but the import of a module."""


MachineQuestions = Mapping[Function, Set[str]]
"""What functions asked of the machine: names such as `os.stat`."""


@dataclass(frozen=True)
class NameState:
    """The state of one name of a module, as text."""

    looks: str
    literal: str | None
    """For plain data: the expression that makes it."""


ANSWER_SECONDS = 10.0
"""One call of a test; what hangs there hangs in the tests as well."""
SERVER_START_SECONDS = 60.0
MAX_ANSWER_CHARACTERS = 20_000
"""Characters of one answer that are kept."""
MAX_SPOKEN_CHARACTERS = 64 * MEBIBYTE
"""Of the answers of one run; more tells nothing of the patch any more."""
MAX_QUESTION_CHARACTERS = 4 * MEBIBYTE
"""Of the different calls that are kept to be made again: ten thousand of the usual ones. In memory
the objects of a call may take twenty times as much."""
MAX_ASKED_NAMES = 10_000
"""Different names that the code asks of the machine; the guest itself tells a hundred a time."""
GUEST_MODULES = (
    "marshalling.errors",
    "marshalling.value_kinds",
    "marshalling.named_objects",
    "marshalling.handles",
    "marshalling.object_table",
    "marshalling.encode",
    "marshalling.decode",
    "marshalling.comparable",
    "split_calls.module_state",
    "split_calls.machine_functions",
    "split_calls.machine_watch",
    "split_calls.peer",
    "split_calls.server",
)
"""What the server is made of: guest modules, each after those it imports."""
# Leaves nothing behind by which the code could tell who started it: no module, no name. Begins
# isolated and goes on without PYTHONPATH: a `types.py` of the project must not hide Python's own.
_BOOT = """
def run():
    del globals()["run"]
    import os, sys
    if sys.flags.isolated:
        kept = dict(os.environ)
        roots = kept.pop("PYTHONPATH", "")
        line = [sys.executable, "-W", "default", "-c", sys.argv[1], sys.argv[1], roots]
        os.execve(sys.executable, line, kept)
    import json, types
    unread = b""
    while b"\\n" not in unread:
        piece = os.read(0, 1 << 16)
        if not piece: os._exit(0)
        unread += piece
    line, _, unread = unread.partition(b"\\n")
    program = json.loads(line)
    made = {}
    def make(name):
        made[name] = sys.modules[name] = types.ModuleType(name)
        return made[name]
    make("s").__path__ = []
    for name, source in program["sources"]:
        folder = "s." + name.rpartition(".")[0]
        if folder not in made: make(folder).__path__ = []
        module = make("s." + name)
        module.__package__ = folder
        exec(source, module.__dict__)
    for name in made: del sys.modules[name]
    roots = sys.argv[2]
    if roots:
        os.environ["PYTHONPATH"] = roots
        sys.path[1:1] = roots.split(os.pathsep)
    module.main(program["request"], unread)
run()
"""


class Server:
    """The code under test, ready to be called. Not a context manager: its session is.

    Whoever asks speaks of places as `seen_from` knows them (by default as the session does).
    """

    def __init__(
        self, session: Session, setup: PytestSetup, seen_from: Identity | None = None
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
            [session.identity.python(setup.python), "-I", "-S", "-c", _BOOT, _BOOT],
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


@dataclass(frozen=True, kw_only=True)
class CallReport:
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
    reached: frozenset[Function] = frozenset()
    """Functions that the patch changes and the test came to, as far as that was seen."""
    reads: frozenset[str] = frozenset()
    """Names looked up by functions that had to run on the tests' side."""
    differing: frozenset[Function] = frozenset()
    """Functions that did something else with the patch than without, called by the test."""
    spoke_of: str = ""
    """The answers of the patch, as they came: which classes they speak of."""
    places: range = range(0)
    """Where those of its calls stand in `SplitRunReport.questions` that no test before it made."""


@dataclass(frozen=True, kw_only=True)
class SplitRunReport:
    """The results of tests whose calls are answered by code in another sandbox."""

    report: TestReport
    calls: Mapping[str, CallReport]
    """For each test of the report."""
    questions: tuple[Message, ...]
    """Outermost calls in their order, as they were sent, without their place, each once. Those
    behind the first `MAX_QUESTION_CHARACTERS` are left out."""
    asked: MachineQuestions
    """What the code in the other sandbox asked of its machine."""
    base_asked: MachineQuestions = field(default_factory=dict)
    """The same of the base that was asked beside it."""

    def said(self, test_id: str) -> CallReport:
        """What a test's run told of its calls; nothing for a test that was not run to its end."""
        return self.calls.get(test_id, CallReport())

    def questions_of(self, test_ids: Sequence[str]) -> list[Message]:
        """The calls of these tests that none before made, as far as they ran to their end."""
        places = (place for test_id in test_ids for place in self.said(test_id).places)
        return [self.questions[place] for place in places if place < len(self.questions)]


class Pair:
    """The code with the patch, and the code without it asked the same beside it."""

    def __init__(self, patch: Server, base: Server) -> None:
        self._patch, self._base = patch, base
        self._parted = False
        """Within this call the two are no longer at the same point."""

    def ask(self, message: Message) -> tuple[Message, bool]:
        """The patch's answer, and whether the base gave another one."""
        if self._parted:
            answer = self._patch.ask(_at(message, Side.PATCH))
            self._parted = "ask" in answer
            return answer, True
        answer = self._patch.ask(_at(message, Side.PATCH))
        base_answer = self._base.ask(_at(message, Side.BASE))
        if ("ask" in answer) != ("ask" in base_answer):
            while "ask" in base_answer:  # it calls back, alone: nobody can answer
                base_answer = self._base.ask(_CALLS_BACK)
            self._parted = "ask" in answer
            return answer, True
        return answer, json.dumps(answer) != json.dumps(base_answer)


_CALLS_BACK: Message = {"how": "unsendable", "why": "it calls back", "foreign": False}


def _at(message: Message, side: Side) -> Message:
    return placed(message, side) if "path" in message.get("ask", {}) else message


@dataclass
class _Post:
    """Carries messages, and keeps what is said of each test."""

    server: Server
    side: Side
    base: Server | None = None
    """Asked the same, to compare; None where nothing is compared."""
    calls: dict[str, CallReport] = field(default_factory=dict)
    questions: dict[str, Message] = field(default_factory=dict)
    """As text → itself."""

    def __post_init__(self) -> None:
        self._pair = None if self.base is None else Pair(self.server, self.base)
        self._asked: Function = ("", "")
        self._differing: set[Function] = set()
        self._spoke: list[str] = []
        self._first = 0
        self._question_budget = MAX_QUESTION_CHARACTERS
        self._spoken_budget = ByteBudget(MAX_SPOKEN_CHARACTERS)

    def take(self, event: Event) -> Message | None:
        if event["event"] == "start":
            self._first = len(self.questions)
        if event["event"] == "result":
            self.calls[event["id"]] = self._said(event)
            self._differing, self._spoke = set(), []
        if event["event"] != "peer":
            return None
        message: Message = event["message"]
        target = message.get("ask", {})
        if "path" in target:
            self._keep(message)
            self._asked = (target["path"], target["name"])
        if self._pair is None:
            return self.server.ask(_at(message, self.side))
        answer, differs = self._pair.ask(message)
        if differs:
            self._differing.add(self._asked)
        spoken = json.dumps(answer)[:MAX_ANSWER_CHARACTERS]
        self._spoken_budget.charge(len(spoken))
        self._spoke.append(spoken)
        return answer

    def _keep(self, question: Message) -> None:
        text = json.dumps(question)
        if text not in self.questions and len(text) <= self._question_budget:
            self._question_budget -= len(text)
            self.questions[text] = question

    def _said(self, event: Event) -> CallReport:
        return CallReport(
            asked=event.get("asked", 0),
            unsure=tuple(event.get("unsure", ())),
            **{name: event.get(name, "") for name in ("foreign", "hidden", "differs", "seen")},
            reached=frozenset((path, name) for path, name in event.get("reached", ())),
            reads=frozenset(event.get("reads", ())),
            differing=frozenset(self._differing),
            spoke_of="\n".join(self._spoke),
            places=range(self._first, len(self.questions)),
        )


def placed(question: Message, side: Side) -> Message:
    """The question as the server on this side understands it."""
    target = question["ask"]
    return {**question, "ask": {**target, "line": target["lines"][side]}}


def moved(message: Mapping[str, Any], source: Identity, target: Identity) -> Message:
    """The message with the places of one machine as the other knows them: a path that a test
    passes on, or is given, names the same file there."""
    moved_text = json.dumps(message)
    for place, new_place in ((source.workspace, target.workspace), (source.home, target.home)):
        if place != new_place and place != TEMPORARY:
            moved_text = re.sub(rf"{re.escape(place)}(?![\w.-])", new_place, moved_text)
    moved_message: Message = json.loads(moved_text)
    return moved_message


def run_split(
    session: Session,
    setup: PytestSetup,
    server: Server,
    side: Side,
    test_ids: Sequence[str],
    call_mode: CallMode,
    *,
    sources: Sequence[str],
    timeout_seconds: float,
    test_timeout_seconds: float | None = None,
    base: Server | None = None,
) -> SplitRunReport:
    """Run the tests in `session`, whose files ask; `sources` are the project's files that are no
    tests: only objects of their classes may come back. `base` is asked the same as `server`, to
    see where the patch differs.
    """
    post = _Post(server, side, base)
    listen: Callable[[Event], Message | None] = post.take
    report = run_with_restarts(
        session,
        GuestRun(
            entry=call_mode,
            sources=guest_sources,
            python=setup.python,
            request={**setup.request(), "sources": list(sources)},
            env=setup.variables,
        ),
        test_ids,
        timeout_seconds=timeout_seconds,
        test_timeout_seconds=test_timeout_seconds,
        listener=listen,
    )
    return SplitRunReport(
        report=report,
        calls=post.calls,
        questions=tuple(post.questions.values()),
        asked=server.asked,
        base_asked={} if base is None else base.asked,
    )
