"""Tool calls written as JSON, as other families of models write them.

`{"name": …, "arguments": {…}}`, with a raw line break inside a string, a brace too few or too many
at its end, or the spellings of Python. What is missing is only ever closing braces: a string
that is not closed was cut off, and is not guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.model.base import Tool
from agent.model.chat.raw_calls import RawCall
from agent.model.chat.tool_names import tool_named
from sandbox.syntax import literal

_DECODER = json.JSONDecoder(strict=False)
_BARE = re.compile(
    r"^[ \t]*(```\w*[ \t]*\n\s*)?(?=\{\s*[\"'](?:name|function|type)[\"']\s*:)", re.M
)
_FENCE_END = re.compile(r"\s*```")
_MISSING = ("}", "}}", "]}", "]}}")


@dataclass(frozen=True)
class ReadObject:
    """An object that stood in a text."""

    value: Mapping[str, object]
    end: int
    """Position in the text after it."""


@dataclass(frozen=True)
class BareCalls:
    """Calls that stood in a text as JSON without a tag around them."""

    calls: tuple[RawCall, ...]
    start: int
    """Where the first of them begins: the text before it is content."""


def read_object(text: str, start: int, end: int, *, complete: bool = True) -> ReadObject | None:
    """The object that begins at `start`; None where there is none.

    Where it does not end by itself, all of `text` up to `end` is taken for it, and closing braces
    are added if `complete` says that nothing was cut off.
    """
    try:
        value, stop = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        value, stop = _mended(text[start:end], complete=complete), end
    return ReadObject(value, stop) if isinstance(value, dict) else None


def load_object(text: str, *, complete: bool = True) -> Mapping[str, object] | None:
    """The arguments of a call from their text alone; None where they are no object."""
    start = len(text) - len(text.lstrip())
    result = read_object(text, start, len(text), complete=complete)
    is_all = result is not None and not text[result.end :].strip().strip("}")
    return result.value if result is not None and is_all else None


def call_of(value: Mapping[str, object]) -> RawCall | None:
    """The call that an object stands for; None where it has no name or no arguments."""
    inner = value.get("function")
    fields = inner if isinstance(inner, Mapping) else value
    name = fields.get("name")
    arguments = fields.get("arguments", fields.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = load_object(arguments)
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        return None
    return RawCall(name=name, values=dict(arguments))


def read_bare_calls(text: str, tools: Sequence[Tool], *, truncated: bool) -> BareCalls | None:
    """Calls of known tools that end a text, bare or in fences, with nothing between them.

    None where there are none, where other text follows them, or where one is not whole.
    """
    first = _BARE.search(text)
    calls: list[RawCall] = []
    position = first.start() if first else len(text)
    while opening := _BARE.match(text, position):
        read = _one_bare(text, opening, truncated=truncated)
        if read is None or tool_named(read[0].name, tools) is None:
            return None
        call, position = read
        calls.append(call)
        position += len(text[position:]) - len(text[position:].lstrip())
    if first is None or not calls or text[position:].strip():
        return None
    return BareCalls(tuple(calls), first.start())


def names_a_tool(text: str, tools: Sequence[Tool]) -> str | None:
    """Name of the first known tool that JSON in `text` seems to call; None for none."""
    for opening in _BARE.finditer(text):
        name = re.compile(r"[^{}]*?[\"']name[\"']\s*:\s*[\"']([\w.-]+)[\"']").match(
            text, opening.end() + 1
        )
        if name and tool_named(name[1], tools) is not None:
            return name[1]
    return None


def _one_bare(text: str, opening: re.Match[str], *, truncated: bool) -> tuple[RawCall, int] | None:
    start, end = opening.end(), len(text)
    if opening[1]:
        fence = text.find("\n```", start)
        end = fence if fence >= 0 else end
    read = read_object(text, start, end, complete=not truncated or end < len(text))
    call = None if read is None else call_of(read.value)
    if read is None or call is None:
        return None
    stop = read.end
    while text[stop : stop + 1] == "}":
        stop += 1
    fence_end = _FENCE_END.match(text, stop) if opening[1] else None
    return call, fence_end.end() if fence_end else stop


def _mended(text: str, *, complete: bool) -> object:
    bare = text.strip()
    for suffix in _MISSING if complete else ():
        try:
            return json.loads(bare + suffix, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        return literal(bare)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
