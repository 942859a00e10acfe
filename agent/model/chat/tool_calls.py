"""Reading tool calls out of what the model wrote, without losing a space.

The format (Qwen XML), exactly as the chat template writes it:

    <tool_call>
    <function=NAME>
    <parameter=KEY>
    VALUE
    </parameter>
    </function>
    </tool_call>

A well-formed answer is read strictly: a value ends at the first line `</parameter>` that is
followed by a line `<parameter=K>`, or by the end of the call and then by the end of the text or
another call. So a value may hold any text, the format's own tags included, with two exceptions
that the format cannot carry: a line `</parameter>` directly followed by a line `<parameter=K>`,
and the closing lines of a call directly followed by the opening lines of a call to a known tool.

What is not well-formed, or makes no valid call, is read leniently (`lenient_calls`). A call is
run only when it is certain what was meant; otherwise there is one sentence for the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.model.base import Tool, ToolCall
from agent.model.chat.argument_types import (
    WrongType,
    check_value,
    coerce,
    is_absent,
    is_text_only,
)
from agent.model.chat.lenient_calls import read_leniently
from agent.model.chat.raw_calls import RawCall, Reading, known_parameters
from agent.model.chat.tool_names import in_known_names, tool_named

_OPENING = re.compile(r"<tool_call>\n<function=([^>\n]+)>\n")
_NEXT_CALL = re.compile(r"\n<tool_call>\n<function=([^>\n]+)>\n")
_BLANK_END = re.compile(r"\s*\Z")
_PARAMETER = re.compile(r"<parameter=([^>\n]+)>\n")
_CALL_END = re.compile(r"</function>\n</tool_call>")
_VALUE_END = "\n</parameter>\n"
_NULL = "null"
_MAX_STRICT_OPENINGS = 64
"""Openings tried; more than this in one answer is noise, and the search must stay linear."""


@dataclass(frozen=True, kw_only=True)
class ParsedCalls:
    """Text, typed tool calls and format errors of an answer without its thinking."""

    content: str
    """The text before the calls, and what text there was after them."""
    calls: tuple[ToolCall, ...] = ()
    """Complete and valid: the tool is known, required parameters are there, types fit."""
    errors: tuple[str, ...] = field(default=())
    """One sentence for the model per call that was not understood."""


def parse_calls(text: str, tools: Sequence[Tool], *, truncated: bool = False) -> ParsedCalls:
    """Read the calls in `text`. Never raises.

    With no `tools` names and types are not checked. `truncated` says that generation was cut
    off: a last call without its end is then refused, however complete it looks.
    """
    reading = _read_strictly(text, tools)
    strict = None if reading is None else _checked(reading, tools)
    if strict is not None and not strict.errors:
        return strict
    lenient = _checked(read_leniently(text, tools, truncated=truncated), tools)
    return lenient if strict is None or not lenient.errors else strict


def _checked(reading: Reading, tools: Sequence[Tool]) -> ParsedCalls:
    calls: list[ToolCall] = []
    errors = list(reading.errors)
    for raw in reading.calls:
        call = check_call(raw, tools, call_id=f"call_{len(calls)}")
        if isinstance(call, ToolCall):
            calls.append(call)
            errors += null_notes(raw, call, tools)
        else:
            errors.append(call)
    return ParsedCalls(content=reading.content, calls=tuple(calls), errors=tuple(errors))


def check_call(raw: RawCall, tools: Sequence[Tool], *, call_id: str) -> ToolCall | str:
    """Type a call's values by its tool's schema, or say in a sentence what is wrong with it."""
    if not tools:
        return ToolCall(name=raw.name, arguments=dict(raw.values), call_id=call_id)
    tool = tool_named(raw.name, tools)
    if tool is None:
        names = ", ".join(tool.name for tool in tools)
        return f"There is no tool named {raw.name!r}. The tools are: {names}."
    raw = _without_absent(in_known_names(raw, tools), tool)
    problem = _parameter_problem(raw, tool)
    if problem:
        return problem
    properties = known_parameters(tool)
    arguments: dict[str, object] = {}
    for key, value in raw.values.items():
        try:
            arguments[key] = _typed(value, properties.get(key, {}))
        except WrongType as wrong:
            return f"Parameter {key!r} of {tool.name} {wrong}."
    return ToolCall(name=tool.name, arguments=arguments, call_id=call_id)


def null_notes(raw: RawCall, call: ToolCall, tools: Sequence[Tool]) -> list[str]:
    """A sentence for each value that came as null and was taken for text, which the model is told.

    Some servers turn the word `null`, written as the value of a text, into nothing.
    """
    return [
        f"Parameter {key!r} of {call.name} came as null and was taken as the text `null`; leave it "
        "out where you mean nothing."
        for key, value in in_known_names(raw, tools).values.items()
        if value is None and call.arguments.get(key) == _NULL
    ]


def _without_absent(raw: RawCall, tool: Tool) -> RawCall:
    """Without the optional values that are null where none may be: they were not given."""
    properties = known_parameters(tool)
    requirements = tool.parameters.get("required")
    names = requirements if isinstance(requirements, list | tuple) else ()
    values = {
        key: value
        for key, value in raw.values.items()
        if key in names or not is_absent(value, properties.get(key, {}))
    }
    return RawCall(name=raw.name, values=values)


def _typed(value: object, schema: Mapping[str, object]) -> object:
    if value is None and is_text_only(schema):
        return _NULL
    if isinstance(value, str):
        return coerce(value, schema)
    check_value(value, schema)
    return value


def _parameter_problem(raw: RawCall, tool: Tool) -> str | None:
    properties = known_parameters(tool)
    requirements = tool.parameters.get("required")
    names = requirements if isinstance(requirements, list | tuple) else ()
    missing_names = [key for key in names if key not in raw.values]
    if missing_names:
        return f"The call of {tool.name} lacks the required parameter {missing_names[0]!r}."
    extra_keys = [key for key in raw.values if properties and key not in properties]
    if extra_keys:
        known_names = ", ".join(properties)
        return f"{tool.name} has no parameter {extra_keys[0]!r}. Its parameters are: {known_names}."
    return None


def _read_strictly(text: str, tools: Sequence[Tool]) -> Reading | None:
    """What an answer whose last calls are exactly as the template writes them holds."""
    for count, opening in enumerate(_OPENING.finditer(text)):
        if count == _MAX_STRICT_OPENINGS:
            return None
        calls = _calls_to_the_end(text, opening.start(), tools)
        if calls is not None:
            return _with_content(text[: opening.start()], calls, tools)
    return None


def _with_content(content: str, calls: list[RawCall], tools: Sequence[Tool]) -> Reading:
    """Add the text before well-formed calls, which may hold badly written ones."""
    if not re.search(r"^<(?:tool_call|function=)", content, re.MULTILINE):
        return Reading(content=content.rstrip("\n"), calls=tuple(calls))
    reading = read_leniently(content, tools, truncated=False)
    return Reading(content=reading.content, calls=(*reading.calls, *calls), errors=reading.errors)


def _calls_to_the_end(text: str, position: int, tools: Sequence[Tool]) -> list[RawCall] | None:
    calls: list[RawCall] = []
    while opening := _OPENING.match(text, position):
        reading = _one_call(text, opening, tools)
        if reading is None:
            return None
        call, position = reading
        calls.append(call)
        if text.startswith("\n<tool_call>", position):
            position += 1
    return calls if not text[position:].strip() else None


def _one_call(
    text: str, opening: re.Match[str], tools: Sequence[Tool]
) -> tuple[RawCall, int] | None:
    name, position = opening[1], opening.end()
    values: dict[str, str] = {}
    while parameter := _PARAMETER.match(text, position):
        key = parameter[1]
        end = _value_end(text, parameter.end(), tools)
        if end is None or key in values:
            return None
        values[key] = text[parameter.end() : end]
        position = end + len(_VALUE_END)
    call_end = _CALL_END.match(text, position)
    return (RawCall(name=name, values=values), call_end.end()) if call_end else None


def _value_end(text: str, start: int, tools: Sequence[Tool]) -> int | None:
    end = text.find(_VALUE_END, start)
    while end != -1:
        if _ends_value(text, end + len(_VALUE_END), tools):
            return end
        end = text.find(_VALUE_END, end + 1)
    return None


def _ends_value(text: str, position: int, tools: Sequence[Tool]) -> bool:
    if _PARAMETER.match(text, position):
        return True
    call_end = _CALL_END.match(text, position)
    if call_end is None:
        return False
    if next_call := _NEXT_CALL.match(text, call_end.end()):
        return not tools or tool_named(next_call[1], tools) is not None
    return _BLANK_END.match(text, call_end.end()) is not None
