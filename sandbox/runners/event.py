"""One event of a guest program, read as what it is: text that code under test may have written.

Whoever shares the interpreter with the runner can learn the nonce and write events of its own.
What an event says is weighed by its receiver; here is decided that it is one, so that nothing odd
reaches code which trusts its shape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.errors import SandboxDied
from sandbox.runners.base import Outcome
from sandbox.runners.marshalled import is_arguments, is_node, is_value

Event = dict[str, Any]
Check = Callable[[Any], bool]

MAX_MESSAGE_DEPTH = 200
"""Lists and objects inside each other; readers walk them by recursion."""
MAX_FRAMES = 1_000
"""Of one traceback; a guest sends sixty. Each takes twenty times as much in memory as here."""


class NoEvent(SandboxDied):
    """The program in the sandbox sent something that is no event of its own."""


def parse_event(line: bytes) -> Event:
    """The event that a line holds. Raises NoEvent."""
    event = parse_message(line)
    kind = event.get("event")
    fields = _FIELDS.get(kind, {}) if isinstance(kind, str) else None
    if fields is None:
        raise NoEvent("the program in the sandbox sent a message that is no event")
    for name, (is_required, check) in fields.items():
        if not (check(event[name]) if name in event else not is_required):
            raise NoEvent(f"the program in the sandbox sent a wrong `{name}` in `{kind}`")
    return event


def parse_message(line: bytes) -> Event:
    """The object that a line of JSON holds, of a depth that is safe to walk. Raises NoEvent."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NoEvent("the program in the sandbox sent something that is no JSON") from error
    if not isinstance(message, dict) or _too_deep(message):
        raise NoEvent("the program in the sandbox sent no object, or one too deep to read")
    return message


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_MESSAGE_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _seconds(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value < 1e9


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _pairs(value: Any) -> bool:
    return isinstance(value, list) and all(_texts(pair) and len(pair) == 2 for pair in value)


def _outcome(value: Any) -> bool:
    return isinstance(value, str) and value in frozenset(Outcome)


def _frames(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_FRAMES
        and all(_frame(frame) for frame in value)
    )


def _frame(value: Any) -> bool:
    """Path, line (code that the compiler made up has none) and function."""
    if not isinstance(value, list) or len(value) != 3:
        return False
    path, line, function = value
    return _text(path) and _text(function) and (line is None or _whole(line))


def _pictures(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(picture, str) for picture in value.values())


def _values(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, list) and _frame(entry[:3]) and len(entry) == 4 and _pictures(entry[3])
        for entry in value
    )


def _lines(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(numbers, list) and all(_whole(number) for number in numbers)
        for numbers in value.values()
    )


def _outcomes(value: Any) -> bool:
    return value == [] or (
        isinstance(value, dict) and all(isinstance(outcome, str) for outcome in value.values())
    )


def _observed(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and all(
            isinstance(observation, dict)
            and observation.keys() == {"path", "line", "values"}
            and _frame([observation["path"], observation["line"], ""])
            and _pictures(observation["values"])
            for observation in value
        )
    )


def is_exchange(value: Any) -> bool:
    """Whether this is a question or an answer between the two sandboxes of a split run."""
    if not isinstance(value, dict) or not _text(value.get("how", "")):
        return False
    nodes, target = value.get("nodes", []), value.get("ask", {})
    if not isinstance(nodes, list) or not all(is_node(node) for node in nodes):
        return False
    if not is_value(value.get("value")):
        return False
    return isinstance(target, dict) and ("path" not in target or _place(target, value))


def _place(target: Mapping[str, Any], question: Mapping[str, Any]) -> bool:
    """A function of the project that is asked for, and the arguments of the call."""
    lines = target.get("lines")
    has_names = all(_text(target.get(name)) for name in ("path", "name", "module"))
    has_lines = (
        isinstance(lines, list) and len(lines) == 2 and all(_whole(number) for number in lines)
    )
    return has_names and has_lines and "nodes" in question and is_arguments(question.get("value"))


_FIELDS: Mapping[str, Mapping[str, tuple[bool, Check]]] = {
    "collected": {"ids": (True, _texts), "examples": (False, _pairs)},
    "collect_error": {"path": (True, _text), "text": (True, _text)},
    "start": {"id": (True, _text)},
    "result": {
        "id": (True, _text),
        "outcome": (True, _outcome),
        "seconds": (False, _seconds),
        "frames": (False, _frames),
        "asked": (False, _whole),
        "unsure": (False, _texts),
        "message": (False, _text),
        "details": (False, _text),
        "printed": (False, _text),
        "exception": (False, _text),
        "foreign": (False, _text),
        "hidden": (False, _text),
        "differs": (False, _text),
        "seen": (False, _text),
        "waits": (False, _text),
        "reached": (False, _pairs),
        "reads": (False, _texts),
    },
    "finished": {"status": (True, _whole), "output": (True, _text)},
    "lines": {"id": (True, _text), "files": (True, _lines)},
    "values": {"id": (True, _text), "frames": (True, _values)},
    "peer": {"message": (True, is_exchange)},
    "loaded": {"paths": (True, _texts)},
    "ready": {"state": (True, _text)},
    "evaluated": {
        "number": (True, _whole),
        "state": (True, _text),
        "outcomes": (True, _outcomes),
        "signature": (True, _text),
        "targets_passed": (True, _whole),
        "seconds": (True, _seconds),
        "mode": (True, _text),
        "observed": (False, _observed),
    },
}
"""Kind of event → its fields: whether it needs them, and what they must be."""
