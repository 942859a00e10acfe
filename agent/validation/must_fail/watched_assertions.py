"""Edits that send a test file's comparisons and assertions through `watched_comparisons.audit`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from agent.source.positions import SourcePositions
from sandbox.source import SourceEdit
from sandbox.syntax import AnyFunction

_SIGNS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "=="),
    ast.NotEq: ("!=", "!="),
    ast.Lt: ("<", "<"),
    ast.LtE: ("<=", "<="),
    ast.Gt: (">", ">"),
    ast.GtE: (">=", ">="),
    ast.In: ("in", r"\bin\b"),
    ast.NotIn: ("not in", r"\bnot\s+in\b"),
}


def redirected_comparisons(
    function: AnyFunction,
    spots: SourcePositions,
    text: str,
    token: str,
    literals: dict[str, str],
    numbers: Mapping[int, int],
) -> Iterator[SourceEdit]:
    """Comparisons, watched builtins and asserting calls of one test. `token` names the audit
    module in the copy; `numbers` gives each asserting call its number, `literals` each constant
    its source."""
    pending_nodes: list[ast.AST] = list(function.body)
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, ast.JoinedStr):
            continue  # positions inside f-strings are not to be trusted before 3.12
        pending_nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _comparison(node, spots, text, token, literals)
        elif isinstance(node, ast.Call) and (builtin_name := _watched_builtin(node)):
            start, end = spots.start(node.func), spots.end(node.func)
            yield SourceEdit("", start, end, f"{token}.{builtin_name}")
        elif isinstance(node, ast.Call) and id(node) in numbers:
            start, end = spots.start(node.func), spots.end(node.func)
            bracket = text.index("(", end)
            if not text[end:bracket].strip():
                yield SourceEdit("", start, start, f"{token}.called({numbers[id(node)]}, ")
                yield SourceEdit("", bracket, bracket + 1, ", ")


def assertions(tree: ast.Module) -> Iterator[ast.Assert | ast.Call]:
    """`assert` statements, and calls of functions that assert by their name."""
    for node in ast.walk(tree):
        is_asserting_call = isinstance(node, ast.Call) and node.args and _asserts(node.func)
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and is_asserting_call):
            yield node


def reported_asserts(
    tree: ast.Module, spots: SourcePositions, token: str, numbers: Mapping[int, int]
) -> Iterator[SourceEdit]:
    """Every `assert` of the file says whether it held: one that fails and ends nothing was
    swallowed on its way to the runner."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert):
            continue
        number, end = numbers[id(node)], spots.end(node)
        fell_call, held_call = f"{token}.fell({number})", f"; {token}.held({number})"
        if node.msg is None:
            yield SourceEdit("", end, end, f", {fell_call}{held_call}")
        else:
            start = spots.start(node.msg)
            yield SourceEdit("", start, start, f"{fell_call} or ")
            yield SourceEdit("", end, end, held_call)


_WATCHED = {"len": "length", "all": "all", "any": "any"}


def _watched_builtin(call: ast.Call) -> str:
    """What is called in place of a builtin of one argument; empty for other calls."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    return _WATCHED.get(name, "") if len(call.args) == 1 and not call.keywords else ""


def _asserts(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return str(name).lower().startswith(("assert", "eq_")) and "raises" not in str(name).lower()


def _comparison(
    node: ast.Compare, spots: SourcePositions, text: str, token: str, literals: dict[str, str]
) -> Iterator[SourceEdit]:
    signs = _SIGNS.get(type(node.ops[0]))
    if signs is None:
        return
    sign, pattern = signs
    left_side, right_side = node.left, node.comparators[0]
    gap_start, gap_end = spots.end(left_side), spots.start(right_side)
    match = re.search(pattern, text[gap_start:gap_end])
    if match is None or "#" in text[gap_start:gap_end]:
        return
    constants = "".join(
        f", ({is_left}, {literals[side.id]})"
        for is_left, side in ((True, left_side), (False, right_side))
        if isinstance(side, ast.Name) and side.id in literals
    )
    start, end = spots.start(node), spots.end(node)
    yield SourceEdit("", start, start, f"{token}.compare({sign!r}, ")
    yield SourceEdit("", gap_start + match.start(), gap_start + match.end(), ",")
    yield SourceEdit("", end, end, f"{constants})")
