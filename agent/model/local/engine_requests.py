"""Requests to the local inference engine: generations and scorings, with their prompts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from agent.model.local.generation.sequence import GeneratedSequence


@dataclass
class Generation:
    """n answers to one prompt. The future gives `self` when all have ended."""

    prompt: list[int]
    answers: list[GeneratedSequence]
    cancel: threading.Event | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)
    """Set when the caller went away."""
    cached_tokens: int = 0
    """Of the prompt: found in the store."""
    ticket: int = 0
    """Its place among all that the engine was asked."""
    failed_alone: bool = False
    """Ran out of memory with nothing beside it, and got no further since."""
    done: Future[Generation] = field(default_factory=Future)

    def finished(self) -> bool:
        return all(answer.finish is not None for answer in self.answers)

    def cancelled(self) -> bool:
        is_requested = self.cancel is not None and self.cancel.is_set()
        return is_requested or self.abandoned.is_set()


@dataclass
class Scoring:
    """Log-probabilities of continuations after one prefix; the future gives one float each."""

    prefix: list[int]
    continuations: Sequence[Sequence[int]]
    cancel: threading.Event | None = None
    ticket: int = 0
    failed_alone: bool = False
    done: Future[list[float]] = field(default_factory=Future)


@dataclass
class Prompt:
    """Token ids of a prompt while they are read into a cache."""

    ids: list[int]
    cache: Any = None
    """None until it is begun."""
    found: int = 0
    """Ids that were in the store."""
    filled: int = 0
    """Ids already in the cache."""
    logits: Any = None
    """[1, vocabulary] after the last id; None until all are in."""

    @property
    def whole(self) -> bool:
        """Whether all token ids are in the cache."""
        return self.cache is not None and self.filled == len(self.ids)

    def forget(self) -> None:
        """Let go of the cache; it is read again from its start."""
        self.cache, self.logits, self.found, self.filled = None, None, 0, 0


@dataclass(eq=False)
class Prefill:
    """A prompt, and the answers that wait for it."""

    generation: Generation
    prompt: Prompt
    waiting: list[GeneratedSequence]

    @property
    def begun(self) -> bool:
        """True while something of it is in the device's memory."""
        return self.prompt.cache is not None

    def cancelled(self) -> bool:
        return self.generation.cancelled()
