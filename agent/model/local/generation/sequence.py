"""One answer while it is generated: its tokens, its text, and when it ends."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.model.base import FinishReason, GenerationParams
from agent.model.chat.call_grammar import CallMatcher
from agent.model.local.generation.answer_limits import is_repeating

_REPLACEMENT = "\ufffd"
Stream = Callable[[str, bool], None]
"""Hears each new piece of text, and whether it is thinking."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Decoding and special tokens of the tokenizer, as the engine needs them."""

    decode: Callable[[Sequence[int]], str]
    ends: frozenset[int]
    """Ids that end a turn."""
    think_close: int | None
    closing: tuple[int, ...]
    """Ids that end the thinking when its budget is used up; empty where there is no thinking."""


class GeneratedSequence:
    """One completion while it is generated. Belongs to the engine's thread."""

    def __init__(
        self,
        *,
        vocabulary: Vocabulary,
        params: GenerationParams,
        max_tokens: int,
        seed: int,
        thinking: bool,
        matcher: CallMatcher | None = None,
        stream: Stream | None = None,
    ) -> None:
        self.params = params
        self.matcher = matcher
        self.ids: list[int] = []
        """Generated, the end token not included."""
        self.reasoning_tokens = 0
        self.finish: FinishReason | None = None
        self._vocabulary = vocabulary
        self._max_tokens = max_tokens
        self._random = random.Random(seed)  # noqa: S311 (sampling, not a secret)
        self._thinking = thinking
        self._stream = stream
        self._drawn: float | None = None
        self._forced: deque[int] = deque()
        self._shown = self._decoded_from = 0
        self._text_after_thinking = ""
        self.stopped_at: int | None = None
        """Characters of the text that come before a stop string."""

    def draw(self) -> float:
        """The number that chooses the next token: the same one until a token is taken, so that
        a step which has to be tried again comes to the same."""
        if self._drawn is None:
            self._drawn = self._random.random()
        return self._drawn

    def forced(self) -> int | None:
        """The token that must come next, whatever the model says; None when it is free."""
        budget = self.params.thinking_budget
        if (
            self._thinking
            and budget is not None
            and self.reasoning_tokens == budget
            and not self._forced
        ):
            self._forced.extend(self._vocabulary.closing)
        return self._forced[0] if self._forced else None

    def take(self, token: int) -> None:
        """Add the next token and see whether the answer ends with it."""
        if self.matcher is not None and not self.matcher.accept(token):
            # Only forced text can be out of place; the grammar goes before the budget.
            self._forced.clear()
            self.matcher = None
        self._drawn = None
        if self._forced:
            self._forced.popleft()
        if token in self._vocabulary.ends:
            self._end(FinishReason.STOP)
            return
        self.ids.append(token)
        was_thinking = self._thinking
        self.reasoning_tokens += was_thinking
        if token == self._vocabulary.think_close:
            self._thinking = False
        self._show(was_thinking)
        if self.finish is not None:
            return
        if len(self.ids) >= self._max_tokens:
            self._end(FinishReason.LENGTH)
        elif is_repeating(self.ids):
            self._end(FinishReason.REPETITION)

    def cancel(self) -> None:
        if self.finish is None:
            self._end(FinishReason.CANCELLED)

    def text(self) -> str:
        """The whole text as generated, thinking and tags included, up to a stop string."""
        return self._vocabulary.decode(self.ids)[: self.stopped_at]

    def _end(self, reason: FinishReason) -> None:
        self.finish = reason

    def _show(self, was_thinking: bool) -> None:
        """Decode what is new, once it is whole characters; look for stop strings in it."""
        if self._stream is None and not self.params.stop:
            return
        # Decoding a few tokens back keeps the spaces that depend on a neighbour.
        shown_text = self._vocabulary.decode(self.ids[self._decoded_from : self._shown])
        full_text = self._vocabulary.decode(self.ids[self._decoded_from :])
        if full_text.endswith(_REPLACEMENT) or len(full_text) <= len(shown_text):
            return
        new = full_text[len(shown_text) :]
        self._decoded_from, self._shown = self._shown, len(self.ids)
        if self._stream is not None:
            self._stream(new, was_thinking)
        if not was_thinking:
            self._look_for_stop(new)

    def _look_for_stop(self, new: str) -> None:
        self._text_after_thinking += new
        if any(stop in self._text_after_thinking for stop in self.params.stop):
            answer_start = len(self._vocabulary.decode(self.ids)) - len(self._text_after_thinking)
            positions = (self._text_after_thinking.find(stop) for stop in self.params.stop)
            self.stopped_at = answer_start + min(at for at in positions if at >= 0)
            self._end(FinishReason.STOP)
