"""Completions and questions as JSON, for scripts and recordings.

A completion is an object with `content`, `reasoning`, `tool_calls` (each `name` and
`arguments`), `finish_reason`, `usage` and `format_errors`, all optional; or with `raw`, the text
as a model would write it, which is parsed as generated text is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from agent.model.base import Completion, FinishReason, Message, Tool, ToolCall, Usage
from agent.model.chat.template import parse_message, template_messages, template_tools
from agent.model.errors import MalformedCompletion

_KEYS = {"content", "reasoning", "tool_calls", "finish_reason", "usage", "format_errors", "raw"}


def question_key(messages: Sequence[Message], tools: Sequence[Tool], n: int) -> str:
    """A digest (hex) of what was asked. Call ids do not count: backends make them up."""
    text = json.dumps(
        [template_messages(messages), template_tools(tools), n], sort_keys=True, default=str
    )
    return hashlib.sha256(_without_ids(json.loads(text)).encode()).hexdigest()


def _without_ids(question: object) -> str:
    if isinstance(question, dict):
        fields = {k: v for k, v in question.items() if k not in ("id", "tool_call_id")}
        return "{" + ",".join(f"{k!r}:{_without_ids(v)}" for k, v in sorted(fields.items())) + "}"
    if isinstance(question, list):
        return "[" + ",".join(_without_ids(item) for item in question) + "]"
    return json.dumps(question)


def completion_to_json(completion: Completion) -> dict[str, object]:
    """The completion as plain JSON types; `completion_from_json` reads it back."""
    message, usage = completion.message, completion.usage
    return {
        "content": message.content,
        "reasoning": message.reasoning,
        "tool_calls": [
            {"name": call.name, "arguments": dict(call.arguments), "call_id": call.call_id}
            for call in message.tool_calls
        ],
        "finish_reason": completion.finish_reason.value,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
        "format_errors": list(completion.format_errors),
    }


def completion_from_json(
    value: object, tools: Sequence[Tool], *, thinking: bool = True
) -> Completion:
    """Read a completion. Raises MalformedCompletion with what is wrong."""
    if not isinstance(value, Mapping):
        raise MalformedCompletion(f"a completion must be a JSON object, not {value!r:.60}")
    extra_fields = sorted(set(value) - _KEYS)
    if extra_fields:
        raise MalformedCompletion(f"a completion has no field {extra_fields[0]!r}")
    try:
        finish = FinishReason(value["finish_reason"]) if "finish_reason" in value else None
        usage = Usage(**{k: _count(v) for k, v in _object(value.get("usage", {})).items()})
    except (ValueError, TypeError) as error:
        raise MalformedCompletion(f"finish_reason or usage is not valid: {error}") from error
    if "raw" in value:
        return _from_raw(str(value["raw"]), tools, finish, usage, thinking=thinking)
    calls = tuple(_call(item, index) for index, item in enumerate(_list(value, "tool_calls")))
    message = Message(
        role="assistant",
        content=str(value.get("content", "")),
        reasoning=str(value.get("reasoning", "")),
        tool_calls=calls,
    )
    errors = tuple(str(error) for error in _list(value, "format_errors"))
    return _completion(message, errors, finish, usage)


def _from_raw(
    raw: str, tools: Sequence[Tool], finish: FinishReason | None, usage: Usage, *, thinking: bool
) -> Completion:
    turn = parse_message(
        raw,
        tools,
        thinking_open=thinking and "</think>" in raw,
        truncated=finish is FinishReason.LENGTH,
    )
    return _completion(turn.message, turn.errors, finish, usage)


def _completion(
    message: Message, errors: tuple[str, ...], finish: FinishReason | None, usage: Usage
) -> Completion:
    natural = FinishReason.TOOL_CALLS if message.tool_calls else FinishReason.STOP
    return Completion(
        message=message, finish_reason=finish or natural, usage=usage, format_errors=errors
    )


def _call(value: object, index: int) -> ToolCall:
    item = _object(value)
    name, arguments = item.get("name"), item.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise MalformedCompletion("a tool call needs a `name` and an object of `arguments`")
    return ToolCall(
        name=name, arguments=dict(arguments), call_id=str(item.get("call_id", f"call_{index}"))
    )


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise MalformedCompletion(f"expected a JSON object, not {value!r:.60}")
    return {str(key): item for key, item in value.items()}


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedCompletion(f"a number of tokens must be an integer, not {value!r:.60}")
    return value


def _list(value: Mapping[str, object], key: str) -> list[object]:
    items = value.get(key, [])
    if not isinstance(items, list):
        raise MalformedCompletion(f"{key!r} must be a list")
    return items
