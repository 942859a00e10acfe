"""The OpenAI chat API: request bodies, and answers put together from streamed pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    Tool,
    ToolCall,
    Usage,
)
from agent.model.chat.json_calls import load_object
from agent.model.chat.raw_calls import RawCall
from agent.model.chat.template import THINK_CLOSE, api_messages, parse_message, template_tools
from agent.model.chat.tool_calls import check_call, null_notes

_WINDOW_KEYS = ("max_model_len", "context_length", "max_context_length", "n_ctx")
_FINISH = {"length": FinishReason.LENGTH, "tool_calls": FinishReason.TOOL_CALLS}
_OVERFLOW = re.compile(
    r"context (?:length|window|size)|max_model_len|exceed_context_size|too many tokens"
    r"|longer than the model|prompt is too long",
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"(?:context (?:length|window|size)(?: is| of|:)?(?: only)?|max_model_len\D{1,5}|n_ctx\D{1,5})"
    r"\s*\(?(\d{3,9})",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"(?:request(?:ed)?|prompt|input)(?: a total of| is| has| contains)?:?\s\(?(\d{3,9})",
    re.IGNORECASE,
)


def request_body(
    model: str,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    params: GenerationParams,
    n: int,
    *,
    stream: bool = True,
) -> dict[str, object]:
    """The part of a request that every server takes."""
    body: dict[str, object] = {
        "model": model,
        "messages": api_messages(messages),
        "n": n,
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "stream": stream,
    }
    if stream:
        body["stream_options"] = {"include_usage": True}
    if tools:
        body["tools"] = template_tools(tools)
        body["tool_choice"] = params.tool_choice.value
    if params.stop:
        body["stop"] = list(params.stop)
    if params.seed is not None:
        body["seed"] = params.seed
    return body


def overflow(text: str) -> tuple[int | None, int | None] | None:
    """Tokens asked for and the window, from a server's words; None when it is another error."""
    if not _OVERFLOW.search(text):
        return None
    token_count, window = _ASKED.search(text), _WINDOW.search(text)
    return (int(token_count[1]) if token_count else None, int(window[1]) if window else None)


def window_of(entry: Mapping[str, object]) -> int | None:
    """The context length in an entry of `/v1/models`, under any of the names in use."""
    meta = entry.get("meta")
    for fields in (entry, meta if isinstance(meta, Mapping) else {}):
        for key in _WINDOW_KEYS:
            value = fields.get(key)
            if isinstance(value, int) and value > 0:
                return value
    return None


@dataclass
class _CallParts:
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class ChoiceParts:
    """One completion while its pieces arrive."""

    content: str = ""
    reasoning: str = ""
    calls: dict[int, _CallParts] = field(default_factory=dict)
    finish: str | None = None
    format_errors: tuple[str, ...] = ()

    def add(self, choice: Mapping[str, object]) -> tuple[str, str]:
        """Take in a `delta` or a whole `message`; the new reasoning and content."""
        delta = _mapping(choice.get("delta", choice.get("message")))
        reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        content = _text(delta.get("content"))
        self.reasoning += reasoning
        self.content += content
        calls = delta.get("tool_calls")
        for position, item in enumerate(calls if isinstance(calls, list) else ()):
            self._add_call(_mapping(item), position)
        errors = delta.get("format_errors")
        if isinstance(errors, list):
            self.format_errors += tuple(str(error) for error in errors)
        if choice.get("finish_reason"):
            self.finish = str(choice.get("repair_finish_reason") or choice["finish_reason"])
        return reasoning, content

    def _add_call(self, item: Mapping[str, object], position: int) -> None:
        index = item.get("index", position)
        parts = self.calls.setdefault(index if isinstance(index, int) else position, _CallParts())
        function = _mapping(item.get("function"))
        parts.call_id = parts.call_id or _text(item.get("id"))
        parts.name += _text(function.get("name"))
        arguments = function.get("arguments")
        is_object = isinstance(arguments, Mapping)
        parts.arguments += json.dumps(arguments) if is_object else _text(arguments)

    def completion(self, tools: Sequence[Tool], usage: Usage) -> Completion:
        """The finished completion; calls the server did not parse are parsed here."""
        if self.calls:
            message, errors = self._with_server_calls(tools)
        else:
            message, errors = self._parsed_here(tools)
        natural = FinishReason.TOOL_CALLS if message.tool_calls else FinishReason.STOP
        finish = _FINISH.get(self.finish or "", natural)
        if self.finish in set(FinishReason):
            finish = FinishReason(self.finish)
        if finish in (FinishReason.STOP, FinishReason.TOOL_CALLS):
            finish = natural
        return Completion(
            message=message,
            finish_reason=finish,
            usage=usage,
            format_errors=self.format_errors or errors,
        )

    def _with_server_calls(self, tools: Sequence[Tool]) -> tuple[Message, tuple[str, ...]]:
        calls: list[ToolCall] = []
        errors: list[str] = []
        for index, parts in sorted(self.calls.items()):
            arguments = load_object(parts.arguments or "{}", complete=self.finish != "length")
            if arguments is None:
                errors.append(f"The arguments of the call of {parts.name} are not a JSON object.")
                continue
            raw = RawCall(name=parts.name, values=arguments)
            call = check_call(raw, tools, call_id=parts.call_id or f"call_{index}")
            if isinstance(call, ToolCall):
                calls.append(call)
                errors += null_notes(raw, call, tools)
            else:
                errors.append(call)
        message = Message(
            role="assistant",
            content=self.content.strip(),
            reasoning=self.reasoning.strip(),
            tool_calls=tuple(calls),
        )
        return message, tuple(errors)

    def _parsed_here(self, tools: Sequence[Tool]) -> tuple[Message, tuple[str, ...]]:
        text, thinking_open = self.content, THINK_CLOSE in self.content
        if self.reasoning and not self.content.strip():
            # A call inside thinking that was never closed ends up in the server's reasoning.
            text, thinking_open = self.reasoning, True
        elif self.reasoning:
            thinking_open = False
        turn = parse_message(
            text, tools, thinking_open=thinking_open, truncated=self.finish == "length"
        )
        message = Message(
            role="assistant",
            content=turn.message.content,
            reasoning=turn.message.reasoning or self.reasoning.strip(),
            tool_calls=turn.message.tool_calls,
        )
        return message, turn.errors


def usage_of(value: object, share: float) -> Usage:
    """A server's counts, of which one completion has `share` of the generated tokens."""
    usage = _mapping(value)
    details = _mapping(usage.get("prompt_tokens_details"))
    completion_details = _mapping(usage.get("completion_tokens_details"))
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        cached_tokens=_count(details.get("cached_tokens")),
        completion_tokens=round(_count(usage.get("completion_tokens")) * share),
        reasoning_tokens=round(_count(completion_details.get("reasoning_tokens")) * share),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
