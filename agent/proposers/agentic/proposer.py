"""The model as a proposer: one conversation, or several from one first question."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from agent.events import Listener
from agent.model.base import ModelBackend
from agent.proposers.agentic.agent_context import AgentContext, Limits, Task
from agent.proposers.agentic.candidate import PROPOSER, key_of
from agent.proposers.agentic.conversation import Conversation
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.base import Allowance
from agent.records import CandidatePatch, Verdict
from agent.runs.checkpoints import Checkpoints


class Agentic:
    """Proposes what the model submits; implements `agent.proposers.base.Proposer`. Its state is in
    the run's checkpoints."""

    name = PROPOSER

    def __init__(
        self,
        *,
        model: Callable[[], ModelBackend],
        checkpoints: Checkpoints,
        thread: str,
        conversations: int,
        limits: Limits,
        tests: TestBench,
        task: Task,
        open_tree: Callable[[], WorkingTree],
        listen: Listener,
    ) -> None:
        """`limits` hold for all conversations together."""
        self._model = model
        self._limits = Limits(
            max_turns=limits.max_turns,
            max_tokens=max(1, limits.max_tokens // conversations),
            answer_tokens=limits.answer_tokens,
        )
        self._tests = tests
        self._task = task
        self._listen = listen
        self._resources = ExitStack()
        saver = self._resources.enter_context(checkpoints())
        self._conversations = [
            Conversation(f"{thread}:agent:{number}", saver, task, open_tree)
            for number in range(conversations)
        ]

    @property
    def tried(self) -> int:
        """Candidates judged or waiting for it."""
        return sum(
            len(conversation.state.get("judged", [])) + (conversation.candidate is not None)
            for conversation in self._conversations
        )

    @property
    def exhausted(self) -> bool:
        return all(conversation.over for conversation in self._conversations)

    @property
    def turns(self) -> int:
        return sum(conversation.state.get("turns", 0) for conversation in self._conversations)

    @property
    def tokens(self) -> int:
        """Tokens generated so far by all conversations."""
        return sum(conversation.state.get("tokens", 0) for conversation in self._conversations)

    @property
    def endings(self) -> Sequence[str]:
        """Why the conversations that are over ended."""
        return [
            conversation.state["ending"]
            for conversation in self._conversations
            if conversation.over
        ]

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        """Let every conversation go on to its next candidate; yield what waits for a verdict.

        Raises ModelError; what was generated is kept.
        """
        with self._timed(allowance) as (cancel, deadline):
            self._begin(allowance, cancel, deadline)
            open_conversations = [
                conversation
                for conversation in self._conversations
                if not conversation.over and conversation.begun
            ]
            if len(open_conversations) == 1:
                open_conversations[0].run(
                    self._context(open_conversations[0], allowance, cancel, deadline)
                )
            elif open_conversations:
                self._run_together(open_conversations, allowance, cancel, deadline)
        for conversation in self._conversations:
            if conversation.candidate is not None:
                yield conversation.candidate

    def learn(self, candidate: CandidatePatch, verdict: Verdict) -> None:
        """Tell the conversations that made this candidate."""
        for conversation in self._conversations:
            if conversation.candidate is not None and key_of(conversation.candidate) == key_of(
                candidate
            ):
                conversation.learn(verdict)

    def close(self) -> None:
        for conversation in self._conversations:
            conversation.close()
        self._resources.close()

    def _begin(self, allowance: Allowance, cancel: threading.Event, deadline: float) -> None:
        """First answers: all from one question, so that its prompt is computed once."""
        first, *other_conversations = self._conversations
        if not first.begun and not first.over:
            context = self._context(first, allowance, cancel, deadline)
            first.run(context)
        for number, conversation in enumerate(other_conversations):
            samples = first.state.get("samples", [])
            if not conversation.begun and number < len(samples):
                conversation.begin_with(samples[number])

    def _run_together(
        self,
        open_conversations: Sequence[Conversation],
        allowance: Allowance,
        cancel: threading.Event,
        deadline: float,
    ) -> None:
        with ThreadPoolExecutor(len(open_conversations), thread_name_prefix="conversation") as pool:
            futures = [
                pool.submit(
                    conversation.run, self._context(conversation, allowance, cancel, deadline)
                )
                for conversation in open_conversations
            ]
            errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise errors[0]

    def _context(
        self,
        conversation: Conversation,
        allowance: Allowance,
        cancel: threading.Event,
        deadline: float,
    ) -> AgentContext:
        number = self._conversations.index(conversation)
        count = len(self._conversations)
        return AgentContext(
            model=self._model(),
            open_tree=conversation.tree,
            drop_tree=conversation.close,
            tidy=conversation.tidy,
            tests=self._tests,
            task=self._task,
            limits=self._limits,
            listen=self._listen,
            name=f"model {number + 1}" if count > 1 else "model",
            stop=allowance.stop,
            cancel=cancel,
            deadline=deadline,
            samples=1 if conversation.begun else count,
        )

    @contextmanager
    def _timed(self, allowance: Allowance) -> Iterator[tuple[threading.Event, float]]:
        """An event that is set at the end of the time or when the user wants an end."""
        cancel, finished = threading.Event(), threading.Event()
        deadline = time.monotonic() + allowance.max_seconds

        def watch() -> None:
            while not finished.wait(0.2):
                if allowance.stop.is_set() or time.monotonic() >= deadline:
                    cancel.set()
                    return

        watcher = threading.Thread(target=watch, name="generation-watch", daemon=True)
        watcher.start()
        try:
            yield cancel, deadline
        finally:
            finished.set()
            watcher.join()
