"""Calls and answers that crossed between sandboxes, as people read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.languages.python.runners.split.messages import Message

MAX_SHOWN_CHARACTERS = 80
MAX_SHOWN_DEPTH = 3
_PLAIN = (bool, int, float, str)


def shown_call(call: Message) -> str:
    """A call for people: plain arguments and lists of them, the others as `…`."""
    nodes = dict(call["nodes"])
    arguments = call["value"][1][0][1] if call["value"] else []
    text = ", ".join(shown_value(argument, nodes) for argument in arguments)
    return f"{call['ask']['name']}({text[:MAX_SHOWN_CHARACTERS]})"


def shown_value(payload: Any, nodes: Mapping[Any, Any], depth: int = 0) -> str:
    """A value as it crosses, for people; `nodes` are the objects that crossed with it."""
    if payload is None or isinstance(payload, _PLAIN):
        return repr(payload)
    content = nodes.get(payload[1]) if payload[0] == "r" else None
    if content is None or content[0] != "list" or depth > MAX_SHOWN_DEPTH:
        return "…"
    return f"[{', '.join(shown_value(element, nodes, depth + 1) for element in content[1])}]"


def value_of(answer: str | None) -> str:
    """An answer for people: a plain value, or how the call ended."""
    if answer is None:
        return "something that cannot be compared"
    how, _, payload = answer.partition(" ")
    if how == "raised":
        name = raised_class(answer)
        return f"an error ({name})" if name else "an error"
    if how != "returned":
        return "an endless loop" if how == "hung" else "the end of the program"
    value, nodes = json.loads(payload)
    return shown_value(value, dict(nodes or ()))


def raised_class(answer: str) -> str:
    """The name of the class that was raised, without its module; empty where none was, or it is
    not known."""
    how, _, payload = answer.partition(" ")
    names = json.loads(payload) if how == "raised" else []
    return str(names[0]).rpartition(".")[2] if names else ""
