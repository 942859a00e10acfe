"""A model behind a counter and a bound: what is generated is counted and bounded."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from agent.model.base import (
    Completion,
    GenerationParams,
    Message,
    ModelBackend,
    Scorer,
    TokenListener,
    Tool,
    Waiting,
)
from agent.model.errors import ScoringUnsupported

SlotGate = Callable[[threading.Event | None], AbstractContextManager[None]]
"""Holds a place at the model within the block; lets through at once when the event is set."""
PAUSE_RANGE_SECONDS = (0.2, 0.6)
"""Between two looks for a free place, at random: nobody is always a moment late."""


class Meter:
    """Counts the tokens and seconds that one job generated in this process."""

    def __init__(self) -> None:
        self.tokens = 0
        self.gpu_seconds = 0.0
        """Time of its generations. Several at once count several times: the card is shared."""
        self._guard = threading.Lock()

    def add(self, tokens: int, seconds: float) -> None:
        with self._guard:
            self.tokens += tokens
            self.gpu_seconds += seconds


class MeteredModel:
    """Implements `agent.model.base.ModelBackend`, and `Scorer` where the inner model does."""

    def __init__(self, inner: ModelBackend, meter: Meter, slots: SlotGate) -> None:
        self._inner, self._meter, self._slots = inner, meter, slots

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def context_window(self) -> int:
        return self._inner.context_window

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        *,
        on_token: TokenListener | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        with self._slots(cancel):
            start_seconds = self._working_clock()
            tokens = 0
            try:
                completions = self._inner.generate(
                    messages, tools, params, n, on_token=on_token, cancel=cancel
                )
                tokens = sum(completion.usage.completion_tokens for completion in completions)
            finally:
                self._meter.add(tokens, self._working_clock() - start_seconds)
        return completions

    def score(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        cancel: threading.Event | None = None,
    ) -> list[float]:
        """Implements `agent.model.base.Scorer`. Raises ScoringUnsupported where the inner model
        does not."""
        if not isinstance(self._inner, Scorer):
            raise ScoringUnsupported(f"{self.name} does not score")
        with self._slots(cancel):
            start_seconds = self._working_clock()
            try:
                return self._inner.score(prefix, continuations, cancel=cancel)
            finally:
                self._meter.add(0, self._working_clock() - start_seconds)

    def _working_clock(self) -> float:
        """Seconds in which the model may have worked: it stands still while this thread waits for a
        server that is away."""
        waiting_seconds = self._inner.waited_seconds if isinstance(self._inner, Waiting) else 0.0
        return time.monotonic() - waiting_seconds

    def close(self) -> None:
        self._inner.close()


def pause() -> float:
    return random.uniform(*PAUSE_RANGE_SECONDS)  # noqa: S311 - no secret
