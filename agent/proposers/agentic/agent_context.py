"""Resources of one conversation in this process; never stored in a checkpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.events import Listener
from agent.model.base import Message, ModelBackend
from agent.proposers.agentic.candidate import Made
from agent.proposers.agentic.tools.run_tests import TestBench
from agent.proposers.agentic.tools.working_copy import WorkingTree


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one conversation with the model, over all resumes."""

    max_turns: int
    max_tokens: int
    """Generated tokens, thinking included."""
    answer_tokens: int = 16_384
    """Most tokens of one answer."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """The task of a conversation, and how its result is made from the working copy."""

    first_messages: Callable[[WorkingTree], list[Message]]
    make: Callable[[WorkingTree], Made]
    """What the working copy comes to when it is submitted."""
    wanted: str
    """What a working copy without a candidate lacks, e.g. `change of the source`."""
    rejected: str
    """Name of the prompt that answers a rejected candidate."""


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
    task: Task
    limits: Limits
    listen: Listener
    name: str
    """For the display, e.g. `model 2`."""
    stop: threading.Event
    """Set when the user or the service wants an end."""
    cancel: threading.Event
    """Set at the end of the time, too: ends a generation."""
    deadline: float
    """`time.monotonic` value at which to pause."""
    samples: int = 1
    """First answers to generate together; above 1 the conversation pauses after the first."""

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()
