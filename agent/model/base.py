"""The interface of language models: messages in, completions out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias, runtime_checkable

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """One call the model made, its arguments typed by the tool's schema."""

    name: str
    arguments: Mapping[str, object]
    call_id: str = ""
    """Names the call in the message that answers it; made up where the model gave none."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn of the conversation. Send assistant messages back exactly as they came."""

    role: Role
    content: str
    reasoning: str = ""
    """The model's thinking (assistant only). Keep it: dropping it changes the prefix."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    """Of the call this message answers (role `tool` only)."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    parameters: Mapping[str, object]
    """JSON schema of an object: `properties` and `required`."""


class ToolChoice(StrEnum):
    AUTO = "auto"  # the model decides, nothing is constrained
    REQUIRED = "required"  # the answer is constrained to hold at least one well-formed call


@dataclass(frozen=True, kw_only=True)
class GenerationParams:
    """How to sample. The defaults are the model card's for coding; greedy is refused.

    Raises ValueError for settings that mean nothing (temperature 0 makes this model loop).
    """

    max_tokens: int = 32_768
    """Most tokens to generate for one completion, thinking included."""
    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 20
    """Sample among this many likeliest tokens; 0 means all."""
    min_p: float = 0.0
    thinking: bool = True
    """False asks the template for an empty thinking block."""
    thinking_budget: int | None = None
    """Tokens of thinking after which it is closed by force; None for no limit of its own."""
    stop: tuple[str, ...] = ()
    """Generation ends before the first of these; they are not part of the text."""
    seed: int | None = None
    """Of the first completion; the i-th of n uses `seed + i`. None draws one."""
    tool_choice: ToolChoice = ToolChoice.AUTO

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError("temperature must be above 0: greedy decoding makes this model loop")
        if not 0 < self.top_p <= 1 or not 0 <= self.min_p < 1 or self.top_k < 0:
            raise ValueError("top_p must be in (0, 1], min_p in [0, 1), top_k 0 or more")
        if self.max_tokens < 1 or (self.thinking_budget is not None and self.thinking_budget < 0):
            raise ValueError("max_tokens must be 1 or more, thinking_budget 0 or more")


class FinishReason(StrEnum):
    STOP = "stop"  # the model ended its turn, or a stop string came
    TOOL_CALLS = "tool_calls"  # the model ended its turn with at least one call that can run
    LENGTH = "length"  # max_tokens or the context window was reached
    REPETITION = "repetition"  # the model went round in circles and was cut off
    CANCELLED = "cancelled"  # the caller's cancel event was set


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one completion. Of n completions each carries the whole prompt's count."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt: taken from a cache, not computed again."""
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """Of the completion: thinking."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One answer. `message` holds the calls that can run; the others are in `format_errors`."""

    message: Message
    finish_reason: FinishReason
    usage: Usage = field(default_factory=Usage)
    format_errors: tuple[str, ...] = ()
    """One sentence each, written for the model: what was wrong and how to write it."""


@dataclass(frozen=True, kw_only=True)
class TokenEvent:
    """A piece of text as it is generated."""

    index: int
    """Which of the n completions."""
    text: str
    reasoning: bool
    """True while the model thinks."""
    attempt: int = 0
    """Grows where the answer begins anew, e.g. after a cut stream: what was heard of it before
    counts no more."""


TokenListener: TypeAlias = Callable[[TokenEvent], None]


class ModelBackend(Protocol):
    """A model that can be asked. Safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """For logs and evidence, e.g. `transformers:Qwen3.6-27B`."""

    @property
    def context_window(self) -> int:
        """Tokens that prompt and answer may have together."""

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
        """Return n completions of the conversation.

        A server that goes away is waited for as long as its settings say, and until `cancel` is
        set. `on_token` is called from a thread of the backend's choosing. When `cancel` is set, the
        completions end soon with what there is and say `CANCELLED`. Raises ModelUnavailable,
        ContextWindowExceeded, ModelUnusable.
        """

    def close(self) -> None:
        """Free the device, the connections. Safe to call twice."""


@runtime_checkable
class Waiting(Protocol):
    """A backend that may have to wait for a server."""

    @property
    def waited_seconds(self) -> float:
        """That the calling thread waited so far while nothing was computed for it."""


@runtime_checkable
class Scorer(Protocol):
    """A backend that can say how likely a continuation is, without generating."""

    def score(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        cancel: threading.Event | None = None,
    ) -> list[float]:
        """Return the natural-log probability of each continuation after the shared prefix.

        Sums over the continuation's tokens. `prefix` is raw text, or messages, which are
        rendered with the opening of an answer without thinking. Raises GenerationCancelled,
        and the errors of `generate`.
        """
