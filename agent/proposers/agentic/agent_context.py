"""Resources of one conversation in this process; never stored in a checkpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agent.events import Listener
from agent.model.base import Message, ModelBackend
from agent.proposers.agentic.candidate import ExtractedCandidate
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.passed_patch import PassedPatch
from agent.runs.trajectory import Step

Record: TypeAlias = Callable[[Step], None]


def not_recorded(_step: Step) -> None:
    """Where nobody wants to know."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one conversation with the model, over all resumes."""

    max_turns: int
    max_tokens: int
    """Generated tokens, thinking included."""
    answer_tokens: int = 16_384
    """Most tokens of one answer."""
    thinking_tokens: int = 8_192
    """Of an answer, after which the thinking is closed; at most half of it. 0 for no thinking."""


Caution = Callable[[str, bytes | None, bytes | None], str]
"""Path, its content in the base, and its new content → what will speak against that change, though
it may be made; empty where nothing does."""


def no_caution(_path: str, _base: bytes | None, _content: bytes | None) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class ConversationTask:
    """The task of a conversation, and how its result is made from the working copy."""

    first_messages: Callable[[WorkingTree], list[Message]]
    make: Callable[[WorkingTree], ExtractedCandidate]
    """What the working copy comes to when it is submitted."""
    wanted: str
    """What a working copy without a candidate lacks, e.g. `change of the source`."""
    rejected: str
    """Name of the prompt that answers a rejected candidate."""
    refusal: Callable[[str, bytes | None], str] = lambda _path, _content: ""
    """Path and its new content → why that change is refused at once; empty where it is not."""
    caution: Caution = no_caution
    offers_choice: bool = False
    """Whether patches of others that passed can be chosen instead of a candidate of its own."""


@dataclass(frozen=True, kw_only=True)
class AgentContext:
    """The tools of one conversation in one process."""

    model: ModelBackend
    open_tree: Callable[[], WorkingTree]
    """Opened by the first action: a conversation that is over needs no sandbox."""
    drop_tree: Callable[[], None]
    """Lets go of a sandbox that ended."""
    tidy: Callable[[], None]
    """Removes old checkpoints."""
    tests: TestBench
    task: ConversationTask
    limits: Limits
    listen: Listener
    name: str
    """For the display, e.g. `model 2`."""
    record: Record
    """Keeps what is said."""
    stop: threading.Event
    """Set when the user or the service wants an end."""
    cancel: threading.Event
    """Set at the end of the time, too: ends a generation."""
    deadline: float
    """`time.monotonic` value at which to pause."""
    passed: Callable[[], Sequence[PassedPatch]] = tuple
    """Patches of others that passed the verdict until now."""
    samples: int = 1
    """First answers to generate together; above 1 the conversation pauses after the first."""

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()
