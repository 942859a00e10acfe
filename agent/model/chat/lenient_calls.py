"""Reading badly written tool calls: what was certainly meant is kept, the rest is explained.

Seen from this family of models: no `<tool_call>` around the call, a missing `</parameter>`,
`</function>` or `</tool_call>`, closing tags that close nothing, everything on one line, an empty
call, a call cut off in the middle, and the JSON form other models were trained on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.model.base import Tool
from agent.model.chat.raw_calls import RawCall, Reading, known_parameters

_OPENING = re.compile(r"<tool_call>|^[ \t]*<function=[^>\n]+>", re.MULTILINE)
_FUNCTION = re.compile(r"\s*<function=([^>\n]+)>")
_PARAMETER = re.compile(r"\s*<parameter=([^>\n]+)>\n?")
_STRAY_CLOSING = re.compile(r"\s*</(?:parameter|think)>")
_FUNCTION_END = re.compile(r"\s*</function>")
_CALL_END = re.compile(r"\s*</tool_call>")
_END = re.compile(r"\s*\Z")
_LEFTOVER_TAGS = re.compile(r"</(?:tool_call|function|parameter|think)>|<tool_call>")
_TAG = re.compile(r"</parameter>|(?<=\n)<parameter=|(?<=\n)</function>|(?<=\n)</tool_call>")
_FORMAT = (
    "Write calls as <tool_call>, <function=NAME>, <parameter=KEY>, the value on its own lines, "
    "</parameter>, </function>, </tool_call>, each tag on a line of its own."
)


@dataclass
class _Scan:
    """Where we are, and what was found so far."""

    text: str
    tools: Sequence[Tool]
    truncated: bool
    position: int = 0
    calls: list[RawCall] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
        return match is not None

    def at(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self.text, self.position) is not None


def read_leniently(text: str, tools: Sequence[Tool], *, truncated: bool) -> Reading:
    """The content, the calls that are complete, and a sentence for each that is not."""
    scan = _Scan(text=text, tools=tools, truncated=truncated)
    content: list[str] = []
    while opening := _next_opening(scan):
        content.append(text[scan.position : opening.start()])
        scan.position = opening.start()
        _read_block(scan)
    content.append(text[scan.position :])
    content_text = _LEFTOVER_TAGS.sub("", "".join(content)) if scan.position else "".join(content)
    return Reading(
        content=content_text.rstrip("\n"), calls=tuple(scan.calls), errors=tuple(scan.errors)
    )


def _next_opening(scan: _Scan) -> re.Match[str] | None:
    """The next place that opens a call; a bare `<function=` only for a tool that exists."""
    position = scan.position
    while opening := _OPENING.search(scan.text, position):
        function = _FUNCTION.match(scan.text, opening.start())
        names = {tool.name for tool in scan.tools}
        if function is None or not names or function[1] in names:
            return opening
        position = opening.end()
    return None


def _read_block(scan: _Scan) -> None:
    """Read from `<tool_call>` (or a bare `<function=`) to the end of what belongs to it."""
    scan.skip(re.compile(r"\s*<tool_call>"))
    function = _FUNCTION.match(scan.text, scan.position)
    if function:
        scan.position = function.end()
        _read_function(scan, function[1].strip())
    elif scan.at(re.compile(r"\s*\{")):
        _read_json(scan)
    elif scan.at(_END) or scan.skip(_CALL_END):
        scan.errors.append(f"The tool call was empty. {_FORMAT}")
    else:
        scan.errors.append(f"The tool call does not start with <function=NAME>. {_FORMAT}")
        _skip_to_end_of_call(scan)


def _read_function(scan: _Scan, name: str) -> None:
    values: dict[str, str] = {}
    while True:
        parameter = _PARAMETER.match(scan.text, scan.position)
        if parameter:
            problem = _read_parameter(scan, name, parameter, values)
            if problem:
                scan.errors.append(problem)
                return
        elif not scan.skip(_STRAY_CLOSING):
            break
    _finish_function(scan, name, values)


def _finish_function(scan: _Scan, name: str, values: dict[str, str]) -> None:
    closed = scan.skip(_FUNCTION_END)
    closed = scan.skip(_CALL_END) or closed
    if closed or scan.at(re.compile(r"\s*<tool_call>")):
        scan.calls.append(RawCall(name=name, values=values))
    elif not scan.at(_END):
        scan.errors.append(f"There is text between the parameters of {name}. {_FORMAT}")
        _skip_to_end_of_call(scan)
    elif scan.truncated or not values:
        scan.errors.append(f"The call of {name} was cut off before its end and was not run.")
    else:
        scan.calls.append(RawCall(name=name, values=values))


def _read_parameter(
    scan: _Scan, name: str, parameter: re.Match[str], values: dict[str, str]
) -> str | None:
    """Read one value into `values`; the sentence for the model when that cannot be done."""
    key = parameter[1].strip()
    if key in values:
        _skip_to_end_of_call(scan)
        return f"The call of {name} gives parameter {key!r} twice. {_FORMAT}"
    end = _value_end(scan, parameter.end(), name, {*values, key})
    if end is None:
        scan.position = len(scan.text)
        return f"The call of {name} was cut off inside parameter {key!r} and was not run."
    stop, scan.position = end
    value = scan.text[parameter.end() : stop]
    values[key] = value.removesuffix("\n")
    return None


def _value_end(
    scan: _Scan, start: int, name: str, parsed_names: set[str]
) -> tuple[int, int] | None:
    """Where the value stops and where reading goes on; None when it never ends."""
    for tag in _TAG.finditer(scan.text, start):
        if tag[0] == "</parameter>":
            if _may_follow_value(scan, tag.end()):
                return tag.start(), tag.end()
        elif tag[0] == "<parameter=":
            if _opens_parameter(scan, tag.start(), name, parsed_names):
                return tag.start(), tag.start()
        elif _closes_call(scan, tag.start()):
            return tag.start(), tag.start()
    return None


def _may_follow_value(scan: _Scan, position: int) -> bool:
    """True where a `</parameter>` that ends at `position` is the end of a value."""
    while stray := _STRAY_CLOSING.match(scan.text, position):
        position = stray.end()
    if _PARAMETER.match(scan.text, position) or _closes_call(scan, position):
        return True
    return _END.match(scan.text, position) is not None and not scan.truncated


def _opens_parameter(scan: _Scan, position: int, name: str, parsed_names: set[str]) -> bool:
    parameter = _PARAMETER.match(scan.text, position)
    tool = next((tool for tool in scan.tools if tool.name == name), None)
    if parameter is None or parameter[1].strip() in parsed_names:
        return False
    return tool is None or parameter[1].strip() in known_parameters(tool)


def _closes_call(scan: _Scan, position: int) -> bool:
    """True at `</function>` and/or `</tool_call>`, then the end, or the start of another call."""
    text = scan.text
    function = _FUNCTION_END.match(text, position)
    call_start = function.end() if function else position
    call = _CALL_END.match(text, call_start)
    if function is None and call is None:
        return False
    call_start = call.end() if call else call_start
    if call is not None and function is not None:
        return True
    return re.compile(r"\s*(?:\Z|<tool_call>|<function=)").match(text, call_start) is not None


def _skip_to_end_of_call(scan: _Scan) -> None:
    end = scan.text.find("</tool_call>", scan.position)
    following = _OPENING.search(scan.text, scan.position + 1)
    stops = [len(scan.text)]
    stops += [end + len("</tool_call>")] if end != -1 else []
    stops += [following.start()] if following else []
    scan.position = min(stops)


def _read_json(scan: _Scan) -> None:
    """`{"name": …, "arguments": {…}}`, the form of the Hermes family."""
    start = scan.text.index("{", scan.position)
    try:
        value, scan.position = json.JSONDecoder().raw_decode(scan.text, start)
    except (ValueError, RecursionError):
        scan.errors.append(f"The tool call is not valid JSON. {_FORMAT}")
        _skip_to_end_of_call(scan)
        return
    scan.skip(_CALL_END)
    name = value.get("name")
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _load_object(arguments)
    if not isinstance(name, str) or not isinstance(arguments, dict):
        scan.errors.append(f"The tool call has no name, or no arguments. {_FORMAT}")
        return
    scan.calls.append(RawCall(name=name, values=arguments))


def _load_object(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
