"""Does a program agree with the correct version on inputs that no search has seen?

Run as a program in a process of its own: `python -m benchmarks.oracle REFERENCE CANDIDATE NAME`.
It prints one JSON object.

    python -m benchmarks.oracle correct/gcd.py patched/gcd.py gcd --count 500
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import signal
import types
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.quixbugs_inputs import Arguments, inputs

CALL_SECONDS = 2.0
ITEMS = 100_000
"""Longest result that is read from a generator."""
TIMEOUTS_BEFORE_STOP = 3


class CallTimedOut(BaseException):
    """Not an `Exception`, so that a program's own handler does not take it."""


@dataclass(kw_only=True)
class Agreement:
    """How two programs compare over the inputs."""

    compared: int = 0
    dropped: int = 0
    """Inputs on which the correct version itself raised or hung."""
    differing: int = 0
    """Results that are not what the program's description allows."""
    not_identical: int = 0
    """Results that are not equal, allowed or not."""
    example: str = ""
    stopped: bool = False
    """It hung often enough to stop asking."""
    unloadable: str = ""
    limits: dict[str, float] = field(default_factory=dict)


class Node:
    """What the graph programs take, with a list of its own for each field."""

    def __init__(self, value: object = None, successor: Node | None = None) -> None:
        self.value = value
        self.successor = successor
        self.successors: list[Node] = []
        self.predecessors: list[Node] = []
        self.incoming_nodes: list[Node] = []
        self.outgoing_nodes: list[Node] = []


def load(path: Path, name: str) -> Callable[..., Any]:
    """Return the function `name` of the file, run as a module of its own."""
    module = types.ModuleType(name)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    function: Callable[..., Any] = getattr(module, name)
    return function


def linked(count: int, back: int | None = None) -> Node | None:
    nodes = [Node(value) for value in range(count)]
    for node, following in itertools.pairwise(nodes):
        node.successor = following
    if back is not None:
        nodes[-1].successor = nodes[back]
    return nodes[0] if nodes else None


def build_search(successors: list[list[int]], start: int, goal: int) -> list[Any]:
    nodes = [Node(value) for value in range(len(successors))]
    for node, others in zip(nodes, successors, strict=True):
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
    """Return the result as data: generators read out, nodes as their values along the list."""
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


def call(function: Callable[..., Any], name: str, arguments: Arguments) -> tuple[str, Any]:
    """Return ("value", data), ("raised", type) or ("hung", None)."""
    fresh = copy.deepcopy(arguments)
    prepared = BUILDERS[name](*fresh) if name in BUILDERS else fresh
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        return "value", plain(function(*prepared))
    except CallTimedOut:
        return "hung", None
    except Exception as raised:
        return "raised", type(raised).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(letter in rest for letter in part)


def same_subsequence(arguments: Arguments, right: str, other: object) -> bool:
    first, second = arguments
    return (
        isinstance(other, str)
        and len(other) == len(right)
        and is_subsequence(other, first)
        and is_subsequence(other, second)
    )


def same_index(arguments: Arguments, right: int, other: object) -> bool:
    values, wanted = arguments
    if right == -1 or not isinstance(other, int) or not 0 <= other < len(values):
        return other == right
    return bool(values[other] == wanted)


def within_epsilon(arguments: Arguments, _right: float, other: object) -> bool:
    value, epsilon = arguments
    return isinstance(other, int | float) and abs(other - value**0.5) <= epsilon


def same_weight_tree(arguments: Arguments, right: set[Any], other: object) -> bool:
    weight = weights(arguments[0])
    if not isinstance(other, set | frozenset) or not other <= set(weight):
        return False
    if len(other) != len(right) or sum(map(weight.__getitem__, other)) != sum(
        map(weight.__getitem__, right)
    ):
        return False
    groups = {node: {node} for edge in weight for node in edge}
    for first, second in other:
        joined = groups[first] | groups[second]
        groups.update(dict.fromkeys(joined, joined))
    return len({frozenset(group) for group in groups.values()}) <= 1


def valid_order(arguments: Arguments, _right: list[int], other: object) -> bool:
    count, edges = arguments
    if not isinstance(other, list) or sorted(map(repr, other)) != sorted(map(repr, range(count))):
        return False
    place = {value: position for position, value in enumerate(other)}
    return all(place[first] < place[second] for first, second in edges)


FREEDOM: dict[str, Callable[[Arguments, Any, Any], bool]] = {
    "find_in_sorted": same_index,
    "longest_common_subsequence": same_subsequence,
    "minimum_spanning_tree": same_weight_tree,
    "sqrt": within_epsilon,
    "topological_ordering": valid_order,
}
"""Programs whose own description allows more than one result for an input."""


def compare(
    reference: Callable[..., Any],
    candidate: Callable[..., Any],
    name: str,
    asked: list[Arguments],
) -> Agreement:
    """Call both on every input, each with copies of its own."""
    agreement = Agreement(limits={"call_seconds": CALL_SECONDS})
    hung = 0
    for arguments in asked:
        right = call(reference, name, arguments)
        if right[0] != "value":
            agreement.dropped += 1
            continue
        got = call(candidate, name, arguments)
        agreement.compared += 1
        if equal(right, got):
            continue
        agreement.not_identical += 1
        if not (got[0] == "value" and allowed(name, arguments, right[1], got[1])):
            agreement.differing += 1
            agreement.example = agreement.example or f"{arguments!r:.200}: {got!r:.200}"
        hung += got[0] == "hung"
        if hung == TIMEOUTS_BEFORE_STOP:
            agreement.stopped = True
            break
    return agreement


def equal(right: tuple[str, Any], got: tuple[str, Any]) -> bool:
    try:
        return bool(right == got) and repr_kind(right[1]) == repr_kind(got[1])
    except (TypeError, ValueError, RecursionError):
        return False


def repr_kind(value: object) -> str:
    """Tell `[1]` from `(1,)` but not `1` from `1.0` or `True`: as the tests' own `==` does."""
    return type(value).__name__ if isinstance(value, list | tuple | set | dict | str) else ""


def allowed(name: str, arguments: Arguments, right: Any, other: Any) -> bool:
    return name in FREEDOM and FREEDOM[name](arguments, right, other)


def _alarm(_number: int, _frame: object) -> None:
    raise CallTimedOut


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.oracle",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seen", type=Path, help="test cases to leave out, JSON lines")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _alarm)
    seen = []
    if options.seen:
        for line in options.seen.read_text(encoding="utf-8").splitlines():
            given = json.loads(line)[0] if line.strip() else None
            seen.append(given if isinstance(given, list) else [given])
    reference = load(options.reference, options.name)
    try:
        candidate = load(options.candidate, options.name)
    except Exception as error:
        print(json.dumps(asdict(Agreement(unloadable=repr(error)))))
        return
    asked = inputs(options.name, options.seed, options.count, seen)
    print(json.dumps(asdict(compare(reference, candidate, options.name, asked))))


if __name__ == "__main__":
    main()
