"""A model that thinks until the test lets it answer, and conversations that need no sandbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from agent.model.base import Completion, FinishReason, Message, ModelBackend, Tool, ToolCall
from agent.model.errors import ModelUnavailable
from agent.proposers.agentic.agent_context import ConversationTask, Limits
from agent.proposers.agentic.candidate import ExtractedCandidate
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.records import CandidatePatch
from agent.runs.checkpoints import in_file
from sandbox.source import SourceEdit

WAIT_SECONDS = 120.0
"""Only for a test that fails: what is waited for comes at once otherwise."""
SUBMITS = ToolCall(name="submit", arguments={})


class ThinkingModel:
    """Answers once `answer` was called so often; a cancelled question is answered as such."""

    name = "thinking"
    context_window = 100_000

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.prompts: list[list[str]] = []
        self._answers: list[Sequence[ToolCall]] = []
        self._changed = threading.Condition()
        self.fails = False

    def answer(self, *calls: ToolCall) -> None:
        with self._changed:
            self._answers.append(calls)
            self._changed.notify()

    def break_down(self) -> None:
        with self._changed:
            self.fails = True
            self._changed.notify_all()

    def wait_until_asked(self) -> None:
        assert self.asked.acquire(timeout=WAIT_SECONDS)

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: object,
        n: int = 1,
        *,
        on_token: object = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        del tools, params, on_token
        self.prompts.append([message.content for message in messages])
        self.asked.release()
        with self._changed:
            while len(self._answers) < n and not self.fails:
                if cancel is not None and cancel.is_set():
                    return [_completion((), FinishReason.CANCELLED)] * n
                self._changed.wait(0.05)
            if self.fails:
                raise ModelUnavailable("the server is down")
            taken, self._answers = self._answers[:n], self._answers[n:]
        return [_completion(calls, FinishReason.TOOL_CALLS) for calls in taken]

    def close(self) -> None:
        """Nothing is held."""


def _completion(calls: Sequence[ToolCall], reason: FinishReason) -> Completion:
    message = Message(role="assistant", content="", tool_calls=tuple(calls))
    return Completion(message=message, finish_reason=reason)


def patch(text: str, proposer: str = "model") -> CandidatePatch:
    return CandidatePatch(
        edits=(SourceEdit("m.py", 0, 1, text),),
        proposer=proposer,
        operator="x",
        description=f"{proposer} writes {text}",
    )


def agentic(
    model: ModelBackend,
    file: Path,
    *,
    conversations: int = 1,
    makes: Callable[[], CandidatePatch] = lambda: patch("right"),
    first: Callable[[], str] = lambda: "task",
    files: Mapping[str, str] = MappingProxyType({}),
) -> Agentic:
    """Conversations whose working copy always comes to what `makes` gives; `files` is what it
    holds after the first action."""
    tree: Any = SimpleNamespace(
        session=SimpleNamespace(close=lambda: None),
        scratch="/tmp/scratch",
        restore=lambda files: None,
        saved=lambda: dict(files),
        digest=lambda: "",
        changes=dict,
        read_base=lambda path: b"x",
    )
    head = Message(role="system", content="rules")
    return Agentic(
        model=lambda *_: model,
        checkpoints=in_file(file),
        thread="run",
        conversations=conversations,
        limits=Limits(max_turns=9, max_tokens=10_000),
        tests=TestBench(runner=SimpleNamespace(), failing=(), passing=()),  # type: ignore[arg-type]
        task=ConversationTask(
            first_messages=lambda tree: [head, Message(role="user", content=first())],
            make=lambda tree: ExtractedCandidate(makes(), ()),
            wanted="change",
            rejected="rejected",
            offers_choice=True,
        ),
        open_tree=lambda: tree,
        listen=lambda event: None,
    )


def conversation_threads() -> list[str]:
    """Threads of conversations that are still there."""
    names = (thread.name for thread in threading.enumerate())
    return [name for name in names if name.startswith(("conversation", "generation-watch"))]
