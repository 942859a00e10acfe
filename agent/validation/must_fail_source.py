"""Source of a must-fail copy: a test file whose assertions are watched and whose tests must fail.

The copy has the place, the names and the parameters of the real file, so that the code under
test cannot know it by them. Comparisons and assertions go through the guest module
`watched_comparisons.audit`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agent.source.positions import SourcePositions
from sandbox.languages.python.runners.program import guest_source
from sandbox.source import SourceEdit, apply_edits
from sandbox.syntax import parse_module

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


_AUDIT = ("near_copies", "likeness", "process_state", "audit")
"""Guest modules of `watched_comparisons`, each after those it imports."""
_OWN_IMPORTS = re.compile(r"^from (?:\.[\w.]+|__future__) import (?:\([^)]*\)|.*)$", re.M)


@dataclass(frozen=True, kw_only=True)
class MustFailCopy:
    """Text of a must-fail copy of a test file, and the functions that must fail in it."""

    text: str
    covered: tuple[str, ...]
    """Names (`Class.test` or `test`) of the functions that must fail in it."""


def audit_source() -> bytes:
    """Source of the audit module that a must-fail copy loads in the sandbox: several files."""
    texts = [guest_source(f"watched_comparisons.{name}") for name in _AUDIT]
    audit_text = "\n".join(re.sub(_OWN_IMPORTS, "", t) for t in texts)
    return f"from __future__ import annotations\n{audit_text}".encode()


def make_must_fail_copy(
    text: str,
    names: Collection[str] | None,
    *,
    token: str,
    audit_path: str,
    base_texts: Mapping[str, str],
) -> MustFailCopy | None:
    """Copy a test file so that the named functions (every test when None) must fail.

    `audit_path` is an absolute path inside the sandbox, as are those of the files that a patch
    changes; `base_texts` has their text in the base. None when the file does not parse here or has
    none of the functions.
    """
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    functions = {
        name: node
        for name, node in _test_functions(tree)
        if (name in names if names is not None else node.name.lower().startswith("test"))
    }
    if not functions:
        return None
    spots = SourcePositions(text)
    literals = _literals(tree.body)
    edits = [_loader(tree, spots, text, token, audit_path, base_texts)]
    edits.append(SourceEdit("", len(text), len(text), f"\n{token}.imported()\n"))
    numbers = {id(node): number for number, node in enumerate(_assertions(tree))}
    for node in functions.values():
        start = spots.offset(node.lineno, 0)
        indent = text[start : spots.offset(node.lineno, node.col_offset)]
        edits.append(SourceEdit("", start, start, f"{indent}@{token}.test(globals())\n"))
        constants = {**literals, **_literals(node.body)}
        edits += _redirected_comparisons(node, spots, text, token, constants, numbers)
    edits += _reported_asserts(tree, spots, token, numbers)
    try:
        changed_text = apply_edits(text, _merged(edits))
        parse_module(changed_text)
    except (SyntaxError, ValueError):
        return None
    return MustFailCopy(text=changed_text, covered=tuple(functions))


def _merged(edits: list[SourceEdit]) -> list[SourceEdit]:
    """Where the loader and a decorator meet, the loader comes first."""
    loader, *other_edits = edits
    edits_at_loader = [
        edit for edit in other_edits if (edit.start, edit.end) == (loader.start, loader.end)
    ]
    text = loader.replacement + "".join(edit.replacement for edit in edits_at_loader)
    merged_edit = SourceEdit("", loader.start, loader.end, text)
    return [merged_edit, *(edit for edit in other_edits if edit not in edits_at_loader)]


def _test_functions(
    tree: ast.Module,
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    pending_nodes: list[tuple[str, ast.AST]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not _is_generator(node):
                yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            pending_nodes += [(f"{prefix}{node.name}.", child) for child in node.body]
        elif isinstance(node, ast.If | ast.Try):
            pending_nodes += [(prefix, child) for child in ast.iter_child_nodes(node)]


def _is_generator(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    pending_nodes: list[ast.AST] = list(function.body)
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending_nodes.extend(ast.iter_child_nodes(node))
    return False


def _literals(body: list[ast.stmt]) -> dict[str, str]:
    """Names bound once, to a constant, in this block → its source."""
    values: dict[str, str] = {}
    bound: list[str] = []
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                bound.append(node.id)
            elif isinstance(node, ast.arg):
                bound.append(node.arg)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    values[target.id] = repr(statement.value.value)
    return {name: value for name, value in values.items() if bound.count(name) == 1}


def _loader(
    tree: ast.Module,
    spots: SourcePositions,
    text: str,
    token: str,
    audit_path: str,
    base_texts: Mapping[str, str],
) -> SourceEdit:
    """Load the audit before anything the test file imports."""
    workspace = audit_path.partition(f"/.{token}/")[0] + "/"
    rebound = {n for node in ast.walk(tree) if isinstance(node, ast.Global) for n in node.names}
    lines = (
        f"import importlib.util as {token}_u\n"
        f"{token}_s = {token}_u.spec_from_file_location('{token}_m', {audit_path!r})\n"
        f"{token}_m = {token}_u.module_from_spec({token}_s)\n"
        f"{token}_s.loader.exec_module({token}_m)\n"
        f"{token} = {token}_m.Watch({token!r}, {text!a}, {workspace!r}, {dict(base_texts)!a}, "
        f"{sorted(rebound)!r})\n"
    )
    for index, statement in enumerate(tree.body):
        text_only = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not (future or (index == 0 and text_only)):
            decorators = getattr(statement, "decorator_list", [])
            line = min([statement.lineno, *(d.lineno for d in decorators)])
            at = spots.offset(line, 0)
            return SourceEdit("", at, at, lines)
    return SourceEdit("", len(text), len(text), "\n" + lines)


def _redirected_comparisons(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    spots: SourcePositions,
    text: str,
    token: str,
    literals: dict[str, str],
    numbers: Mapping[int, int],
) -> Iterator[SourceEdit]:
    pending_nodes: list[ast.AST] = list(function.body)
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, ast.JoinedStr):
            continue  # positions inside f-strings are not to be trusted before 3.12
        pending_nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _comparison(node, spots, text, token, literals)
        elif isinstance(node, ast.Call) and (watched := _watched_builtin(node)):
            start, end = spots.start(node.func), spots.end(node.func)
            yield SourceEdit("", start, end, f"{token}.{watched}")
        elif isinstance(node, ast.Call) and id(node) in numbers:
            start, end = spots.start(node.func), spots.end(node.func)
            bracket = text.index("(", end)
            if not text[end:bracket].strip():
                yield SourceEdit("", start, start, f"{token}.called({numbers[id(node)]}, ")
                yield SourceEdit("", bracket, bracket + 1, ", ")


def _assertions(tree: ast.Module) -> Iterator[ast.Assert | ast.Call]:
    for node in ast.walk(tree):
        is_asserting_call = isinstance(node, ast.Call) and node.args and _asserts(node.func)
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and is_asserting_call):
            yield node


def _reported_asserts(
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
