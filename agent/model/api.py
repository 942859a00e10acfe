"""The OpenAI chat API seen from the server: requests read, answers written."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    Role,
    TokenEvent,
    Tool,
    ToolCall,
    ToolChoice,
)
from agent.model.chat import api_messages

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


def write_answer(model: str, completions: Sequence[Completion]) -> dict[str, object]:
    """The whole answer to a request that does not stream."""
    choices = [
        {
            "index": index,
            "message": _api_message(completion),
            "finish_reason": _finish(completion),
            "repair_finish_reason": completion.finish_reason.value,
        }
        for index, completion in enumerate(completions)
    ]
    return {**_frame(model, "chat.completion"), "choices": choices, "usage": usage(completions)}


class StreamWriter:
    """Writes the pieces of one streamed answer.

    Thinking and text go out as they are generated, up to the first tag of a call; calls, checked,
    and what else there is follow when the answer has ended.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._frame = _frame(model, "chat.completion.chunk")
        self._said: dict[int, str] = {}
        self._sent: dict[int, int] = {}

    def piece(self, event: TokenEvent) -> dict[str, object] | None:
        """The chunk for a new piece of text; None when nothing may be sent yet."""
        if event.reasoning:
            text = event.text.replace("</think>", "")
            return self._chunk(event.index, {"reasoning_content": text}) if text else None
        said = self._said.get(event.index, "") + event.text
        self._said[event.index] = said
        ready = _before_tags(said)
        sent = self._sent.get(event.index, 0)
        if ready <= sent:
            return None
        self._sent[event.index] = ready
        return self._chunk(event.index, {"content": said[sent:ready]})

    def end(self, completions: Sequence[Completion]) -> list[dict[str, object]]:
        """The chunks after the last piece: calls, the rest of the text, why it ended."""
        chunks: list[dict[str, object]] = []
        for index, completion in enumerate(completions):
            delta = _api_message(completion)
            delta.pop("reasoning_content", None)
            delta["content"] = self._rest(index, completion.message.content)
            if not self._said.get(index) and not completion.message.content:
                delta.pop("content")
            chunks.append(self._chunk(index, delta))
            chunks.append(self._chunk(index, {}, completion))
        return chunks

    def usage(self, completions: Sequence[Completion]) -> dict[str, object]:
        return {**self._frame, "choices": [], "usage": usage(completions)}

    def _rest(self, index: int, content: str) -> str:
        sent = self._said.get(index, "")[: self._sent.get(index, 0)].lstrip()
        return content[len(sent) :] if content.startswith(sent) else ""

    def _chunk(
        self, index: int, delta: dict[str, object], ended: Completion | None = None
    ) -> dict[str, object]:
        choice: dict[str, object] = {"index": index, "delta": delta, "finish_reason": None}
        if ended is not None:
            choice["finish_reason"] = _finish(ended)
            choice["repair_finish_reason"] = ended.finish_reason.value
        return {**self._frame, "choices": [choice]}


def usage(completions: Sequence[Completion]) -> dict[str, object]:
    """Counts of a whole request: the prompt once, the completions together."""
    first = completions[0].usage
    completion = sum(c.usage.completion_tokens for c in completions)
    return {
        "prompt_tokens": first.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": first.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": first.cached_tokens},
        "completion_tokens_details": {
            "reasoning_tokens": sum(c.usage.reasoning_tokens for c in completions)
        },
    }


def error_body(message: str, code: str) -> dict[str, object]:
    """An error as the API has it."""
    return {"error": {"message": message, "type": code, "code": code, "param": None}}


def _before_tags(text: str) -> int:
    """How much of a text may be sent: all before anything that could begin a call."""
    for tag in ("<tool_call>", "<function="):
        at = text.find(tag)
        if at >= 0:
            return len(text[:at].rstrip())
    last = text.rfind("<")
    if last >= 0 and any(t.startswith(text[last:]) for t in ("<tool_call>", "<function=")):
        text = text[:last]
    # White space at the end may belong to the border between text and call.
    return len(text.rstrip())


def _params(fields: Mapping[str, object], choice: ToolChoice) -> GenerationParams:
    template = fields.get("chat_template_kwargs")
    thinking = template.get("enable_thinking", True) if isinstance(template, Mapping) else True
    stop = fields.get("stop")
    top_k = int(_number(fields, ("top_k",), _DEFAULTS.top_k))
    most = _number(fields, ("max_completion_tokens", "max_tokens"), _DEFAULTS.max_tokens)
    budget = fields.get("thinking_token_budget")
    seed = fields.get("seed")
    try:
        return GenerationParams(
            max_tokens=int(most),
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
    listed = fields.get("tools") or []
    if not isinstance(listed, list):
        raise BadRequest("tools must be a list")
    tools = tuple(_tool(_object(item, "a tool")) for item in listed)
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


def _api_message(completion: Completion) -> dict[str, object]:
    (message,) = api_messages([completion.message])
    message.pop("reasoning", None)
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        call["index"] = index
        call["id"] = f"call_{uuid.uuid4().hex[:24]}"
    if completion.format_errors:
        message["format_errors"] = list(completion.format_errors)
    return message


def _finish(completion: Completion) -> str:
    if completion.finish_reason in (FinishReason.REPETITION, FinishReason.CANCELLED):
        return "length"
    return completion.finish_reason.value


def _frame(model: str, kind: str) -> dict[str, object]:
    made = int(time.time())
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": made, "model": model}


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
    listed = [value] if isinstance(value, str) else value or []
    if not isinstance(listed, list) or not all(isinstance(item, str) and item for item in listed):
        raise BadRequest("stop must be a text or a list of texts")
    return tuple(listed)
