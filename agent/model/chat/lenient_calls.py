"""Reading badly written tool calls: what was certainly meant is kept, the rest is explained.

Seen from this family of models: no `<tool_call>` around the call, a missing `</parameter>`,
`</function>` or `</tool_call>`, closing tags that close nothing, everything on one line, an empty
call, a call cut off in the middle, `<function name="NAME">`, and the JSON form other models were
trained on, in a tag, in a fence or bare.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.model.base import Tool
from agent.model.chat.json_calls import call_of, names_a_tool, read_bare_calls, read_object
from agent.model.chat.raw_calls import RawCall, Reading, known_parameters
from agent.model.chat.tool_names import parameter_named, tool_named

_NAMED = r"(?:=|\s++name\s*+=)\s*+[\"']?([^>\n\"'\s][^>\n\"']*+)[\"']?\s*+>"
"""Nothing is given back: where a blank has two places, a line of them would take for ever."""
_OPENING = re.compile(rf"<tool_call>|^[ \t]*<function{_NAMED}", re.MULTILINE)
_FUNCTION = re.compile(rf"\s*<function{_NAMED}")
_PARAMETER = re.compile(rf"\s*<parameter{_NAMED}\n?")
_STRAY_CLOSING = re.compile(r"\s*</(?:parameter|think)>")
_FUNCTION_END = re.compile(r"\s*</function>")
_CALL_END = re.compile(r"\s*</tool_call>")
_EXTRA_BRACES = re.compile(r"\}*(?=\s*(?:</tool_call>|\Z))")
_END = re.compile(r"\s*\Z")
_LEFTOVER_TAGS = re.compile(r"</(?:tool_call|function|parameter|think)>|<tool_call>")
_TAG = re.compile(
    r"</parameter>|(?<=\n)<parameter(?==|\s+name)|(?<=\n)</function>|(?<=\n)</tool_call>"
)
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
    tail = text[scan.position :]
    if not scan.position:
        tail = _read_bare(scan)
    content.append(tail)
    content_text = _LEFTOVER_TAGS.sub("", "".join(content)) if scan.position else "".join(content)
    return Reading(
        content=content_text.rstrip("\n"), calls=tuple(scan.calls), errors=tuple(scan.errors)
    )


def _read_bare(scan: _Scan) -> str:
    """Take JSON calls out of a text without any tag; the text that is left."""
    bare = read_bare_calls(scan.text, scan.tools, truncated=scan.truncated)
    if bare is not None:
        scan.calls += bare.calls
        return scan.text[: bare.start]
    name = names_a_tool(scan.text, scan.tools)
    if name is not None:
        scan.errors.append(
            f"The text holds a call of {name} as JSON, which is not whole or is not the end of "
            f"the answer, and was not run. {_FORMAT}"
        )
    return scan.text


def _next_opening(scan: _Scan) -> re.Match[str] | None:
    """The next place that opens a call; a bare `<function=` only for a tool that exists."""
    position = scan.position
    while opening := _OPENING.search(scan.text, position):
        function = _FUNCTION.match(scan.text, opening.start())
        if function is None or not scan.tools or tool_named(function[1].strip(), scan.tools):
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
    is_closed = scan.skip(_FUNCTION_END)
    is_closed = scan.skip(_CALL_END) or is_closed
    if is_closed or scan.at(re.compile(r"\s*<tool_call>")):
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
        elif tag[0] == "<parameter":
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
    tool = tool_named(name, scan.tools)
    if parameter is None or parameter[1].strip() in parsed_names:
        return False
    return tool is None or parameter_named(parameter[1].strip(), tool) in known_parameters(tool)


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
    return re.compile(r"\s*(?:\Z|<tool_call>|<function[=\s])").match(text, call_start) is not None


def _skip_to_end_of_call(scan: _Scan) -> None:
    end = scan.text.find("</tool_call>", scan.position)
    opening = _OPENING.search(scan.text, scan.position + 1)
    stops = [len(scan.text)]
    stops += [end + len("</tool_call>")] if end != -1 else []
    stops += [opening.start()] if opening else []
    scan.position = min(stops)


def _read_json(scan: _Scan) -> None:
    """`{"name": …, "arguments": {…}}`, the form of the Hermes family."""
    start = scan.text.index("{", scan.position)
    tag_position = scan.text.find("</tool_call>", start)
    end = tag_position if tag_position >= 0 else len(scan.text)
    read = read_object(scan.text, start, end, complete=tag_position >= 0 or not scan.truncated)
    if read is None:
        scan.errors.append(f"The tool call is not valid JSON. {_FORMAT}")
        _skip_to_end_of_call(scan)
        return
    scan.position = read.end
    scan.skip(_EXTRA_BRACES)
    scan.skip(_CALL_END)
    call = call_of(read.value)
    if call is None:
        scan.errors.append(f"The tool call has no name, or no arguments. {_FORMAT}")
        return
    scan.calls.append(call)
