"""Calls a QuixBugs program on inputs, inside the sandbox, and tells each result as data.

It is alone in its process with one program, the answer or the correct version: neither can see
what the other one said.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import os
import signal
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

CALL_SECONDS = 2.0
ITEMS = 100_000
"""Longest result that is read from a generator or a linked list."""
HANGS_BEFORE_STOP = 3
MAX_TEXT_CHARACTERS = 1_000
"""Of one result; of a longer one its digest is told."""
EXACT_INTEGERS = 2**53
STOPPED = ("stopped", "")


class CallTimedOut(BaseException):
    """Not an `Exception`, so that a program's own handler does not take it."""


class Node:
    """What the graph programs take, with a list of its own for each field."""

    def __init__(self, value: object = None, successor: Node | None = None) -> None:
        self.value = value
        self.successor = successor
        self.successors: list[Node] = []
        self.predecessors: list[Node] = []
        self.incoming_nodes: list[Node] = []
        self.outgoing_nodes: list[Node] = []


def load(text: str, name: str) -> Callable[..., Any]:
    """The function `name` of a program's text, run as a module of its own."""
    module = types.ModuleType(name)
    exec(compile(text, name + ".py", "exec"), module.__dict__)
    function: Callable[..., Any] = getattr(module, name)
    return function


def linked(count: int, back: int | None = None) -> Node | None:
    nodes = [Node(value) for value in range(count)]
    for node, following in zip(nodes, nodes[1:]):
        node.successor = following
    if back is not None:
        nodes[-1].successor = nodes[back]
    return nodes[0] if nodes else None


def build_search(successors: list[list[int]], start: int, goal: int) -> list[Any]:
    nodes = [Node(value) for value in range(len(successors))]
    for node, others in zip(nodes, successors):
        node.successors = [nodes[other] for other in others]
    return [nodes[start], nodes[goal]]


def build_lengths(count: int, edges: list[list[int]], start: int, goal: int) -> list[Any]:
    nodes = [Node(value) for value in range(count)]
    for node, other, _ in edges:
        nodes[node].successors.append(nodes[other])
    length = {(nodes[node], nodes[other]): weight for node, other, weight in edges}
    return [length, nodes[start], nodes[goal]]


def build_order(count: int, edges: list[list[int]]) -> list[Any]:
    nodes = [Node(value) for value in range(count)]
    for node, other in edges:
        nodes[node].outgoing_nodes.append(nodes[other])
        nodes[other].incoming_nodes.append(nodes[node])
    return [nodes]


def weights(edges: list[list[int]]) -> dict[tuple[int, int], int]:
    return {(node, other): weight for node, other, weight in edges}


BUILDERS: dict[str, Callable[..., list[Any]]] = {
    "breadth_first_search": build_search,
    "depth_first_search": build_search,
    "detect_cycle": lambda count, back: [linked(count, back)],
    "reverse_linked_list": lambda count: [linked(count)],
    "minimum_spanning_tree": lambda edges: [weights(edges)],
    "shortest_path_length": build_lengths,
    "shortest_path_lengths": lambda count, edges: [count, weights(edges)],
    "shortest_paths": lambda start, edges: [start, weights(edges)],
    "topological_ordering": build_order,
}


def plain(result: object) -> object:
    """The result as data: generators read out, nodes as their values along the list."""
    if isinstance(result, Node):
        return [node.value for node in itertools.islice(chain(result), ITEMS)]
    if isinstance(result, types.GeneratorType):
        return ["generator", *itertools.islice(result, ITEMS)]
    if isinstance(result, list) and any(isinstance(item, Node) for item in result):
        return [item.value if isinstance(item, Node) else item for item in result]
    return dict(result) if isinstance(result, dict) else result


def chain(node: Node | None) -> Iterator[Node]:
    while node is not None:
        yield node
        node = node.successor


def call(function: Callable[..., Any], name: str, arguments: Sequence[Any]) -> tuple[str, Any]:
    """("value", data), ("raised", type) or ("hung", None)."""
    fresh = copy.deepcopy(arguments)
    prepared = BUILDERS[name](*fresh) if name in BUILDERS else fresh
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        return "value", plain(function(*prepared))
    except CallTimedOut:
        return "hung", None
    except Exception as error:
        return "raised", type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def data(value: Any) -> Any:
    """What JSON can hold, the same for values that a test's `==` takes for the same."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return data(int(value)) if value.is_integer() else _fraction(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= EXACT_INTEGERS else ["int", hex(value)]
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, *map(data, value)]
    if isinstance(value, (set, frozenset)):
        return ["set", *sorted(map(data, value), key=json.dumps)]
    if isinstance(value, dict):
        pairs = [[data(key), data(item)] for key, item in value.items()]
        return ["dict", *sorted(pairs, key=json.dumps)]
    return ["object", type(value).__name__, repr(value)[:200]]


def _fraction(value: float) -> Any:
    return value if value - value == 0 else ["float", repr(value)]


def told(function: Callable[..., Any], name: str, arguments: Sequence[Any]) -> tuple[str, str]:
    """What a call came to, as two texts: how it ended, and the result."""
    how, value = call(function, name, arguments)
    if how != "value":
        return how, value or ""
    try:
        text = json.dumps(data(value))
    except Exception as error:
        return "raised", type(error).__name__
    if len(text) > MAX_TEXT_CHARACTERS:
        return how, "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return how, text


def results(
    function: Callable[..., Any], name: str, asked: Sequence[Sequence[Any]]
) -> Iterator[tuple[str, str]]:
    """One for each input; nothing is asked any more of a program that hung often enough."""
    hangs = 0
    for arguments in asked:
        if hangs == HANGS_BEFORE_STOP:
            yield STOPPED
            continue
        ended = told(function, name, arguments)
        hangs += ended[0] == "hung"
        yield ended


def _alarm(_number: int, _frame: object) -> None:
    raise CallTimedOut


def main(text: str, name: str, asked: Sequence[Sequence[Any]]) -> None:
    """Write one JSON object: all results, or why the program cannot be loaded."""
    channel = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a program may print
    signal.signal(signal.SIGALRM, _alarm)
    try:
        function = load(text, name)
    except Exception as error:
        said: dict[str, Any] = {"unloadable": "{}: {}".format(type(error).__name__, error)[:300]}
    else:
        said = {"results": list(results(function, name, asked))}
    with os.fdopen(channel, "w", encoding="ascii") as stream:
        json.dump(said, stream)
