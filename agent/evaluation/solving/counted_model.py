"""A model whose tokens are counted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.model.base import (
    Completion,
    GenerationParams,
    Message,
    ModelBackend,
    Scorer,
    TokenListener,
    Tool,
    Usage,
)
from agent.model.errors import ScoringUnsupported


@dataclass
class TokenCount:
    """What one repair read and generated."""

    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, usages: Sequence[Usage]) -> None:
        """Of the completions of one question: each of them names the whole prompt."""
        with self._guard:
            self.prompt += max((usage.prompt_tokens for usage in usages), default=0)
            self.completion += sum(usage.completion_tokens for usage in usages)
            self.reasoning += sum(usage.reasoning_tokens for usage in usages)


@dataclass(frozen=True)
class CountedModel:
    """Implements `ModelBackend`, and `Scorer` where the inner model does."""

    inner: ModelBackend
    count: TokenCount

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def context_window(self) -> int:
        return self.inner.context_window

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
        completions = self.inner.generate(
            messages, tools, params, n, on_token=on_token, cancel=cancel
        )
        self.count.add([completion.usage for completion in completions])
        return completions

    def score(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        cancel: threading.Event | None = None,
    ) -> list[float]:
        """Raises ScoringUnsupported where the inner model does not score."""
        if not isinstance(self.inner, Scorer):
            raise ScoringUnsupported(f"{self.name} does not score")
        return self.inner.score(prefix, continuations, cancel=cancel)

    def close(self) -> None:
        self.inner.close()
