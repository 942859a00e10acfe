"""The OpenAI chat API seen from the server: requests, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from agent.model.base import GenerationParams, Message, Role, Tool, ToolCall, ToolChoice

_DEFAULTS = GenerationParams()
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_REFUSED = ("response_format", "logprobs", "functions", "audio")
"""Asked for, and not had here: better refused than ignored."""


class BadRequest(ValueError):
    """The request cannot be served as it stands; the message is for its sender."""


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A chat request, checked."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    params: GenerationParams
    n: int
    stream: bool
    include_usage: bool


def read_chat_request(body: object) -> ChatRequest:
    """Check and read a request's JSON. Raises BadRequest."""
    fields = _object(body, "the request")
    for name in _REFUSED:
        if fields.get(name):
            raise BadRequest(f"{name} is not supported by this server")
    tools, choice = _tools(fields)
    n = 1 if fields.get("n") is None else fields["n"]
    if not isinstance(n, int) or not 1 <= n <= 64:
        raise BadRequest("n must be from 1 to 64")
    options = fields.get("stream_options")
    return ChatRequest(
        messages=read_messages(fields.get("messages")),
        tools=tools,
        params=_params(fields, choice),
        n=n,
        stream=bool(fields.get("stream")),
        include_usage=isinstance(options, Mapping) and bool(options.get("include_usage")),
    )


def read_messages(value: object) -> tuple[Message, ...]:
    """Read a list of API messages. Raises BadRequest."""
    if not isinstance(value, list) or not value:
        raise BadRequest("messages must be a list with at least one message")
    return tuple(_message(_object(item, "a message")) for item in value)


def _params(fields: Mapping[str, object], choice: ToolChoice) -> GenerationParams:
    template = fields.get("chat_template_kwargs")
    thinking = template.get("enable_thinking", True) if isinstance(template, Mapping) else True
    stop = fields.get("stop")
    top_k = int(_number(fields, ("top_k",), _DEFAULTS.top_k))
    max_tokens = _number(fields, ("max_completion_tokens", "max_tokens"), _DEFAULTS.max_tokens)
    budget = fields.get("thinking_token_budget")
    seed = fields.get("seed")
    try:
        return GenerationParams(
            max_tokens=int(max_tokens),
            temperature=_number(fields, ("temperature",), _DEFAULTS.temperature),
            top_p=_number(fields, ("top_p",), _DEFAULTS.top_p),
            top_k=max(top_k, 0),
            min_p=_number(fields, ("min_p",), _DEFAULTS.min_p),
            thinking=bool(thinking),
            thinking_budget=budget if isinstance(budget, int) else None,
            stop=_strings(stop),
            seed=seed if isinstance(seed, int) else None,
            tool_choice=choice,
        )
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _tools(fields: Mapping[str, object]) -> tuple[tuple[Tool, ...], ToolChoice]:
    tool_fields = fields.get("tools") or []
    if not isinstance(tool_fields, list):
        raise BadRequest("tools must be a list")
    tools = tuple(_tool(_object(item, "a tool")) for item in tool_fields)
    choice = fields.get("tool_choice") or "auto"
    if choice == "none":
        return (), ToolChoice.AUTO
    if isinstance(choice, Mapping):
        name = _object(choice.get("function"), "tool_choice.function").get("name")
        tools = tuple(tool for tool in tools if tool.name == name)
        choice = "required"
    if choice not in set(ToolChoice):
        raise BadRequest(f"tool_choice {choice!r} is not known")
    if choice == "required" and not tools:
        raise BadRequest("tool_choice asks for a tool that is not among the tools")
    return tools, ToolChoice(str(choice))


def _tool(item: Mapping[str, object]) -> Tool:
    function = _object(item.get("function"), "a tool's function")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise BadRequest("a tool's function needs a name")
    return Tool(
        name=name,
        description=str(function.get("description") or ""),
        parameters=_object(function.get("parameters") or {}, "a tool's parameters"),
    )


def _message(item: Mapping[str, object]) -> Message:
    role = item.get("role")
    if role == "tool":
        return Message(
            role="tool",
            content=_content(item.get("content")),
            tool_call_id=str(item.get("tool_call_id") or ""),
        )
    if role not in _ROLES:
        raise BadRequest(f"role {role!r} is not known")
    calls = item.get("tool_calls") or []
    if not isinstance(calls, list):
        raise BadRequest("tool_calls must be a list")
    return Message(
        role=cast(Role, _ROLES[cast(Literal["user"], role)]),
        content=_content(item.get("content")),
        reasoning=str(item.get("reasoning_content") or item.get("reasoning") or ""),
        tool_calls=tuple(_call(_object(call, "a tool call")) for call in calls),
    )


def _call(item: Mapping[str, object]) -> ToolCall:
    function = _object(item.get("function"), "a tool call's function")
    arguments = function.get("arguments") or "{}"
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError as error:
            raise BadRequest(f"a tool call's arguments are not JSON: {error}") from error
    return ToolCall(
        name=str(function.get("name") or ""),
        arguments=_object(arguments, "a tool call's arguments"),
        call_id=str(item.get("id") or ""),
    )


def _content(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise BadRequest("content must be text or a list of parts")
    parts = [_object(part, "a part of the content") for part in value]
    if any(part.get("type") != "text" for part in parts):
        raise BadRequest("this server takes text only")
    return "".join(str(part.get("text") or "") for part in parts)


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise BadRequest(f"{what} must be a JSON object")
    return {str(key): item for key, item in value.items()}


def _number(fields: Mapping[str, object], names: Sequence[str], default: float) -> float:
    for name in names:
        value = fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise BadRequest(f"{name} must be a number")
        if value is not None:
            return value
    return default


def _strings(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value or []
    if not isinstance(values, list) or not all(isinstance(item, str) and item for item in values):
        raise BadRequest("stop must be a text or a list of texts")
    return tuple(values)
