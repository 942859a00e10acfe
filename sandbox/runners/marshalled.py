"""Values as they cross between two sandboxes (guest module `marshalling.encode`), checked in form.

Whoever reads a question or an answer on the host relies on this: a list has its tag, and each tag
its parts.
"""

from __future__ import annotations

from typing import Any

_HANDLES = frozenset(["r", "@", "b", "i", "f", "s"])


def is_value(value: Any) -> bool:
    """A scalar, or a list of a tag and what belongs to it."""
    if not isinstance(value, list):
        return value is None or isinstance(value, bool | int | float | str)
    tag, parts = (value[0], value[1:]) if value else (None, [])
    if not isinstance(tag, str):
        return False
    if tag in _HANDLES:
        return len(parts) == 1 and is_number(parts[0])
    if tag in ("t", "F"):
        return len(parts) == 1 and _values(parts[0])
    if tag in ("g", "k"):
        return len(parts) == 1 and _name(parts[0])
    if tag in ("1", "m"):
        return len(parts) == 1 and isinstance(parts[0], str)
    return len(parts) == 2 and _with_two_parts(tag, *parts)


def _with_two_parts(tag: str, first: Any, second: Any) -> bool:
    if tag == "x":
        return isinstance(first, str) and _values(second)
    if tag == "p":
        return is_value(first) and is_number(second)
    if tag == "e":
        return _name(first) and isinstance(second, str)
    if tag == "E":
        return _name(first) and not isinstance(second, list | dict)
    return tag == "M" and is_value(first) and isinstance(second, str)


def is_node(node: Any) -> bool:
    """An object that both sides know: its number, and its kind with what is in it."""
    if not (isinstance(node, list) and len(node) == 2 and is_number(node[0])):
        return False
    content = node[1]
    if not (isinstance(content, list) and len(content) > 1 and isinstance(content[0], str)):
        return False
    kind, *parts = content
    if kind == "o":
        return len(parts) == 4 and _is_object(*parts)
    if kind == "dict":
        return len(parts) == 1 and _pairs(parts[0])
    if kind == "y":
        return len(parts) == 1 and isinstance(parts[0], list) and all(map(is_number, parts[0]))
    return kind in ("list", "set") and len(parts) == 1 and _values(parts[0])


def is_arguments(value: Any) -> bool:
    """The arguments of a call: a tuple of the tuple of those by position, and a dict."""
    if not (is_value(value) and isinstance(value, list) and value[0] == "t" and len(value[1]) == 2):
        return False
    return all(
        isinstance(part, list) and part[0] == tag
        for part, tag in zip(value[1], ("t", "r"), strict=True)
    )


def _is_object(name: Any, payload: Any, state: Any, compares: Any) -> bool:
    """Its class, what a built-in class holds of it, its attributes, and whether it compares."""
    has_state = isinstance(state, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and is_value(pair[1])
        for pair in state
    )
    return _name(name) and _payload(payload) and has_state and isinstance(compares, bool)


def _payload(payload: Any) -> bool:
    """A value; the items of a list, set or dict; a factory or a length, and items after it."""
    if is_value(payload) or _items(payload):
        return True
    return len(payload) == 2 and is_value(payload[0]) and _items(payload[1])


def _items(items: Any) -> bool:
    return _values(items) or _pairs(items)


def _values(values: Any) -> bool:
    return isinstance(values, list) and all(map(is_value, values))


def _pairs(pairs: Any) -> bool:
    return isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and _values(pair) for pair in pairs
    )


def _name(name: Any) -> bool:
    """Module and qualified name."""
    return isinstance(name, list) and len(name) == 2 and all(isinstance(n, str) for n in name)


def is_number(value: Any) -> bool:
    """A whole number that every reader can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
