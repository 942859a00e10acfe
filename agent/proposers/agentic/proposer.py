"""The model as a proposer: one conversation, or several from one first question.

Conversations work in threads of their own: `go_on` returns at once, and whoever asks does something
else meanwhile. A conversation belongs to its thread while it is in `_running`, to the caller
otherwise.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from agent.events import Listener
from agent.model.base import ModelBackend
from agent.model.errors import GenerationCancelled
from agent.proposers.agentic.agent_context import (
    AgentContext,
    ConversationTask,
    Limits,
    not_recorded,
)
from agent.proposers.agentic.candidate import PROPOSER, key_of
from agent.proposers.agentic.conversation.conversation import Conversation
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.base import Allowance
from agent.proposers.passed_patch import Choice, PassedPatch
from agent.records import CandidatePatch, Verdict
from agent.runs.checkpoints import Checkpoints
from agent.runs.stop import Interrupted
from agent.runs.trajectory import Trajectory

POLL_SECONDS = 0.2


class Agentic:
    """Proposes what the model submits; implements `agent.proposers.base.Proposer`. Its state is in
    the run's checkpoints."""

    name = PROPOSER

    def __init__(
        self,
        *,
        model: Callable[[threading.Event], ModelBackend],
        checkpoints: Checkpoints,
        thread: str,
        conversations: int,
        limits: Limits,
        tests: TestBench,
        task: ConversationTask,
        open_tree: Callable[[], WorkingTree],
        listen: Listener,
        trajectory: Trajectory | None = None,
        name: str = "model",
    ) -> None:
        """`limits` hold for all conversations together. `model` may load it, for minutes, and
        gives up with GenerationCancelled when the event is set. `name` is that of a conversation
        in the display and in `trajectory`; of several each has a number as well."""
        self._model = model
        self._limits = replace(limits, max_tokens=max(1, limits.max_tokens // conversations))
        self._tests = tests
        self._task = task
        self._listen = listen
        self._resources = ExitStack()
        saver = self._resources.enter_context(checkpoints())
        self._conversations = [
            Conversation(
                f"{thread}:agent:{number}",
                saver,
                task,
                open_tree,
                name if conversations == 1 else f"{name} {number + 1}",
                not_recorded if trajectory is None else trajectory.add,
            )
            for number in range(conversations)
        ]
        self._threads = ThreadPoolExecutor(conversations, thread_name_prefix="conversation")
        self._guard = threading.RLock()
        self._running: dict[Conversation, Future[None]] = {}
        self._failures: dict[Conversation, Exception] = {}
        self._cancels: set[threading.Event] = set()
        self._resting = False
        self.passed: tuple[PassedPatch, ...] = ()
        """Patches of others that passed: each conversation hears of them before its next turn."""
        self.changed = threading.Event()
        """Set whenever a conversation came to a candidate, its end or an error."""

    @property
    def tried(self) -> int:
        """Candidates judged or waiting for it."""
        return sum(
            len(conversation.state.get("judged", [])) + (conversation.candidate is not None)
            for conversation in self._conversations
        )

    @property
    def exhausted(self) -> bool:
        return all(map(self._is_over, self._conversations))

    def _is_over(self, conversation: Conversation) -> bool:
        """Whether it ended, or can never begin: the first one ended without an answer for it."""
        never = not conversation.begun and self._conversations[0].over
        return conversation.over or (never and self._sample(conversation) is None)

    @property
    def turns(self) -> int:
        return sum(conversation.turns for conversation in self._conversations)

    @property
    def asked(self) -> bool:
        """Whether the task was put to the model."""
        return any(conversation.asked for conversation in self._conversations)

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

    @property
    def begun(self) -> bool:
        """Whether every conversation had its first answer."""
        return all(conversation.begun or conversation.over for conversation in self._conversations)

    @property
    def choices(self) -> Sequence[Choice]:
        """What the conversations that are over stand for."""
        with self._guard:
            idle = [chat for chat in self._conversations if chat not in self._running]
        return [chat.choice for chat in idle if chat.choice is not None]

    @property
    def waiting(self) -> Sequence[CandidatePatch]:
        """Candidates that wait for their verdict."""
        with self._guard:
            idle = [chat for chat in self._conversations if chat not in self._running]
        return [chat.candidate for chat in idle if chat.candidate is not None]

    @property
    def working(self) -> bool:
        return bool(self._running)

    def go_on(self, allowance: Allowance) -> None:
        """Let every conversation that waits for nothing go on to its next candidate. Returns at
        once."""
        with self._guard:
            if self._resting or allowance.max_seconds <= 0:
                return
            for conversation in self._conversations:
                if self._can_go_on(conversation):
                    self._running[conversation] = self._threads.submit(
                        self._work, conversation, allowance
                    )

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Until a conversation changed, none works, `stop` is set, or the seconds are over."""
        deadline = time.monotonic() + seconds
        while self.working and not stop.is_set() and time.monotonic() < deadline:
            if self.changed.wait(POLL_SECONDS):
                return

    def settle(self, seconds: float) -> None:
        """Wait for the conversations whose time is over to come to rest."""
        wait(self._futures(), timeout=seconds)

    def raise_failure(self) -> None:
        """Raise the error that ended a conversation, once no other works or has a candidate."""
        if self._failures and not self.working and not self.waiting:
            raise next(iter(self._failures.values()))

    def propose(self, allowance: Allowance) -> Iterator[CandidatePatch]:
        """Let every conversation go on to its next candidate; yield what waits for a verdict.

        Raises ModelError; what was generated is kept. Where the time is over before the model is
        loaded there is nothing.
        """
        self.go_on(allowance)
        while self.working:
            wait(self._futures(), timeout=POLL_SECONDS)
        yield from self.waiting
        self.raise_failure()

    def learn(self, candidate: CandidatePatch, verdict: Verdict) -> None:
        """Tell the conversations that wait with this candidate."""
        with self._guard:
            idle = [chat for chat in self._conversations if chat not in self._running]
        for conversation in idle:
            own_candidate = conversation.candidate
            if own_candidate is not None and key_of(own_candidate) == key_of(candidate):
                conversation.learn(verdict)

    def rest(self) -> None:
        """End what is under way, for good; its last checkpoints stand. Safe to call twice."""
        with self._guard:
            self._resting = True
            for cancel in self._cancels:
                cancel.set()
        while self.working:
            for conversation in self._conversations:
                conversation.close()  # a command that still runs ends with its sandbox
            wait(self._futures(), timeout=POLL_SECONDS)

    def close(self) -> None:
        self.rest()
        for conversation in self._conversations:
            conversation.close()
        self._threads.shutdown(wait=True)
        self._resources.close()

    def _futures(self) -> list[Future[None]]:
        with self._guard:
            return list(self._running.values())

    def _can_go_on(self, conversation: Conversation) -> bool:
        return (
            conversation not in self._running
            and conversation not in self._failures
            and not conversation.over
            and conversation.candidate is None
            and (
                conversation.begun
                or conversation is self._conversations[0]
                or self._sample(conversation) is not None
            )
        )

    def _sample(self, conversation: Conversation) -> dict[str, Any] | None:
        """The first answer that was generated for it together with the first conversation's: all
        from one question, so that its prompt is computed once."""
        samples = self._conversations[0].state.get("samples", [])
        place = self._conversations.index(conversation) - 1
        return samples[place] if 0 <= place < len(samples) else None

    def _work(self, conversation: Conversation, allowance: Allowance) -> None:
        """One conversation up to its next candidate, in a thread of the pool."""
        opens = not conversation.begun and len(self._conversations) > 1
        deadline = time.monotonic() + allowance.max_seconds
        try:
            with self._cancelled_at(deadline, allowance.stop) as cancel:
                sample = self._sample(conversation)
                if not conversation.begun and sample is not None:
                    conversation.begin_with(sample)
                conversation.run(self._context(conversation, allowance, cancel, deadline))
        except (Interrupted, GenerationCancelled):
            pass  # by a stop, at rest, or at the end of the time
        except Exception as error:
            with self._guard:
                self._failures[conversation] = error
        finally:
            with self._guard:
                del self._running[conversation]
                if opens and conversation not in self._failures:
                    # The others have their first answer now, and this one goes on.
                    self.go_on(replace(allowance, max_seconds=deadline - time.monotonic()))
            self.changed.set()

    def _context(
        self,
        conversation: Conversation,
        allowance: Allowance,
        cancel: threading.Event,
        deadline: float,
    ) -> AgentContext:
        count = len(self._conversations)
        return AgentContext(
            model=self._model(cancel),
            open_tree=conversation.tree,
            drop_tree=conversation.close,
            tidy=conversation.tidy,
            tests=self._tests,
            task=self._task,
            limits=self._limits,
            listen=self._listen,
            name=conversation.name,
            record=conversation.record,
            stop=allowance.stop,
            cancel=cancel,
            deadline=deadline,
            passed=lambda: self.passed,
            samples=1 if conversation.begun else count,
        )

    @contextmanager
    def _cancelled_at(self, deadline: float, stop: threading.Event) -> Iterator[threading.Event]:
        """An event that is set at the end of the time, at rest, or when the user wants an end."""
        cancel, finish = threading.Event(), threading.Event()
        with self._guard:
            self._cancels.add(cancel)
            if self._resting:
                cancel.set()

        def watch() -> None:
            while not finish.wait(POLL_SECONDS):
                if stop.is_set() or time.monotonic() >= deadline:
                    cancel.set()
                    return

        watcher = threading.Thread(target=watch, name="generation-watch", daemon=True)
        watcher.start()
        try:
            yield cancel
        finally:
            finish.set()
            watcher.join()
            with self._guard:
                self._cancels.discard(cancel)
