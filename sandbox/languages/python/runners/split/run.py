"""Tests in one sandbox, the code they call in another, and the host between them.

The chosen functions in the sandbox of the tests ask the host: those of the base for their answer
(`split_calls/remote_run.py`, `split_calls/explain_run.py`), those of the patch for a comparison
(`split_calls/replay_run.py`). The sandbox of the code has no test in it that runs
(`split_calls/server.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.base import MEBIBYTE, Session
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.python.runners.split.messages import Function, Message, Side, at_side
from sandbox.languages.python.runners.split.pair import Pair
from sandbox.languages.python.runners.split.reports import CallReport, SplitRunReport
from sandbox.languages.python.runners.split.server import Server
from sandbox.runners.byte_budget import ByteBudget
from sandbox.runners.event import Event
from sandbox.runners.restarts import GuestRun, run_with_restarts

MAX_ANSWER_CHARACTERS = 20_000
"""Characters of one answer that are kept."""
MAX_SPOKEN_CHARACTERS = 64 * MEBIBYTE
"""Of the answers of one run; more tells nothing of the patch any more."""
MAX_QUESTION_CHARACTERS = 4 * MEBIBYTE
"""Of the different calls that are kept to be made again: ten thousand of the usual ones. In memory
the objects of a call may take twenty times as much."""


class CallMode(StrEnum):
    """What the functions on the tests' side are for: the guest program that runs there."""

    ANSWER = "split_calls.remote_run"
    """They are the base's, and return what the other side answers."""
    COMPARISON = "split_calls.replay_run"
    """They are the patch's, and return what they return."""
    EXPLANATION = "split_calls.explain_run"
    """They are the base's, and return what the other side answers; all functions ask."""


@dataclass
class CallRecorder:
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
            return self.server.ask(at_side(message, self.side))
        answer, differs = self._pair.ask(message)
        if differs:
            self._differing.add(self._asked)
        answer_text = json.dumps(answer)[:MAX_ANSWER_CHARACTERS]
        self._spoken_budget.charge(len(answer_text))
        self._spoke.append(answer_text)
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
    recorder = CallRecorder(server, side, base)
    listen: Callable[[Event], Message | None] = recorder.take
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
        calls=recorder.calls,
        questions=tuple(recorder.questions.values()),
        asked=server.asked,
        base_asked={} if base is None else base.asked,
    )
