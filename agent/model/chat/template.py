"""The Qwen chat format: messages to what the template takes, generated text to messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agent.model.base import Message, Tool, ToolCall
from agent.model.chat.tool_calls import parse_calls

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"
_CALL_OPENINGS = (
    "<tool_call>\n<function=",
    "<tool_call><function=",
    "<tool_call>\n<function name",
    "<tool_call><function name",
    "<tool_call>{",
    "<tool_call>\n{",
)
_NOTHING = (
    "The answer held neither text nor a tool call. Think briefly, close the thinking, then "
    "call one of the tools."
)
_CALL_IN_THINKING = (
    "The tool call stood inside the thinking and was not run. Close the thinking with </think> "
    "first, then write the call."
)


@dataclass(frozen=True, kw_only=True)
class ParsedMessage:
    """A generated turn as a message with its tool calls, and its format errors."""

    message: Message
    errors: tuple[str, ...] = ()
    """One sentence each, written for the model; empty when everything was well-formed."""


def template_messages(messages: Sequence[Message]) -> list[dict[str, object]]:
    """Messages as a chat template takes them: arguments as objects, not as JSON text."""
    return [_template_message(message) for message in messages]


def template_tools(tools: Sequence[Tool]) -> list[dict[str, object]]:
    """Tools in the shape of the OpenAI API, which is also what templates render."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]


def api_messages(messages: Sequence[Message]) -> list[dict[str, object]]:
    """Messages as the OpenAI API takes them: arguments as JSON text.

    Reasoning goes along under both names in use; a server ignores the one it does not know.
    """
    result = []
    for message in messages:
        item = _template_message(message)
        if message.reasoning:
            item["reasoning"] = message.reasoning
        if message.tool_calls:
            item["tool_calls"] = [_api_call(call) for call in message.tool_calls]
        result.append(item)
    return result


def chatml(messages: Sequence[Message]) -> str:
    """Messages as plain ChatML up to an answer without thinking, where no template is at hand."""
    turns = [f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages]
    return "".join(turns) + f"<|im_start|>assistant\n{THINK_OPEN}\n\n{THINK_CLOSE}\n\n"


def parse_message(
    text: str, tools: Sequence[Tool], *, thinking_open: bool, truncated: bool = False
) -> ParsedMessage:
    """Parse a generated turn into thinking, text and tool calls. Never raises.

    `text` is everything generated after the prompt, without the end-of-turn token.
    `thinking_open` says that the prompt ended inside `<think>`; `truncated` that generation
    was cut off by a limit.
    """
    reasoning, answer, is_closed = split_reasoning(text, thinking_open=thinking_open)
    reading = parse_calls(answer, tools, truncated=truncated)
    message = Message(
        role="assistant",
        content=reading.content.strip(),
        reasoning=reasoning,
        tool_calls=reading.calls,
    )
    errors = reading.errors
    if not errors and not reading.calls and not message.content:
        errors = (_CALL_IN_THINKING if is_closed and _first_call(reasoning) >= 0 else _NOTHING,)
    return ParsedMessage(message=message, errors=errors)


def split_reasoning(text: str, *, thinking_open: bool) -> tuple[str, str, bool]:
    """Split a generated turn into thinking and answer, and whether the thinking was closed.

    A call inside thinking that is never closed after it ends the thinking: the model forgot the
    tag. A `</think>` inside the values of such a call closes nothing. Where the prompt did not
    open the thinking, only a leading `<think>` (or a stray leading `</think>`) is one.
    """
    turn_text = text.lstrip()
    if turn_text.startswith(THINK_OPEN):
        text, thinking_open = turn_text.removeprefix(THINK_OPEN), True
    if not thinking_open:
        return "", text.removeprefix(THINK_CLOSE).lstrip("\n"), False
    close, call = _thinking_end(text)
    if close >= 0:
        return text[:close].strip(), text[close + len(THINK_CLOSE) :].lstrip("\n"), True
    if call >= 0:
        return text[:call].strip(), text[call:], False
    return text.strip(), "", False


def _thinking_end(text: str) -> tuple[int, int]:
    """Position of the tag that closes the thinking, and of the first call; -1 for none."""
    close, call = text.find(THINK_CLOSE), _first_call(text)
    if call < 0 or 0 <= close < call:
        return close, call
    while close >= 0 and _inside_call(text, call, close):
        close = text.find(THINK_CLOSE, close + 1)
    return close, call


def _inside_call(text: str, call: int, position: int) -> bool:
    """True when the last call opened before `position` is closed only after it, or never."""
    opening_position = max(text.rfind(opening, call, position) for opening in _CALL_OPENINGS)
    closing_position = text.rfind("</tool_call>", call, position)
    return (
        opening_position >= 0
        and closing_position < opening_position
        and text.find("</tool_call>", position) >= 0
    )


def _first_call(text: str) -> int:
    positions = [position for opening in _CALL_OPENINGS if (position := text.find(opening)) >= 0]
    return min(positions, default=-1)


def _template_message(message: Message) -> dict[str, object]:
    item: dict[str, object] = {"role": message.role, "content": message.content}
    if message.reasoning:
        item["reasoning_content"] = message.reasoning
    if message.tool_calls:
        item["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": dict(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        item["tool_call_id"] = message.tool_call_id
    return item


def _api_call(call: ToolCall) -> dict[str, object]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
