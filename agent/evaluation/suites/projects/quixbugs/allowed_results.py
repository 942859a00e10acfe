"""Programs of QuixBugs whose own description allows more than one result for an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.evaluation.suites.projects.quixbugs.inputs import Arguments


def is_allowed(name: str, arguments: Arguments, right: Any, other: Any) -> bool:
    """Whether a result that is not the correct version's is right all the same."""
    if name not in _RULES:
        return False
    try:
        return _RULES[name](arguments, right, other)
    except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError):
        return False  # of a shape that no right result has


def _same_subsequence(arguments: Arguments, right: str, other: object) -> bool:
    first, second = arguments
    return (
        isinstance(other, str)
        and len(other) == len(right)
        and _is_subsequence(other, first)
        and _is_subsequence(other, second)
    )


def _is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(letter in rest for letter in part)


def _same_index(arguments: Arguments, right: int, other: object) -> bool:
    values, wanted = arguments
    if right == -1 or not isinstance(other, int) or not 0 <= other < len(values):
        return other == right
    return bool(values[other] == wanted)


def _within_epsilon(arguments: Arguments, _right: float, other: object) -> bool:
    value, epsilon = arguments
    return isinstance(other, int | float) and abs(other - value**0.5) <= epsilon


def _same_weight_tree(arguments: Arguments, right: set[Any], other: object) -> bool:
    weight = {(node, end): number for node, end, number in arguments[0]}
    if not isinstance(other, set | frozenset) or not other <= set(weight):
        return False
    if len(other) != len(right) or sum(map(weight.__getitem__, other)) != sum(
        map(weight.__getitem__, right)
    ):
        return False
    groups = {node: {node} for edge in weight for node in edge}
    for first, second in other:
        union = groups[first] | groups[second]
        groups.update(dict.fromkeys(union, union))
    return len({frozenset(group) for group in groups.values()}) <= 1


def _valid_order(arguments: Arguments, _right: list[int], other: object) -> bool:
    count, edges = arguments
    if not isinstance(other, list) or sorted(map(repr, other)) != sorted(map(repr, range(count))):
        return False
    place = {value: position for position, value in enumerate(other)}
    return all(place[first] < place[second] for first, second in edges)


_RULES: Mapping[str, Callable[[Arguments, Any, Any], bool]] = {
    "find_in_sorted": _same_index,
    "longest_common_subsequence": _same_subsequence,
    "minimum_spanning_tree": _same_weight_tree,
    "sqrt": _within_epsilon,
    "topological_ordering": _valid_order,
}
