"""Source of a must-fail copy: a test file whose assertions are watched and whose tests must fail.

The copy has the place, the names and the parameters of the real file, so that the code under
test cannot know it by them. Comparisons and assertions go through the guest module
`watched_comparisons.audit`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from agent.source.positions import SourcePositions
from agent.validation.must_fail.watched_assertions import (
    assertions,
    redirected_comparisons,
    reported_asserts,
)
from sandbox.languages.python.runners.guest_sources import guest_source
from sandbox.source import SourceEdit, apply_edits
from sandbox.syntax import AnyFunction, parse_module

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
        functions = {
            name: node
            for name, node in _test_functions(tree)
            if (name in names if names is not None else node.name.lower().startswith("test"))
        }
        if not functions:
            return None
        loader = _loader(tree, SourcePositions(text), text, token, audit_path, base_texts)
        edits = [loader, *_watching_edits(tree, functions.values(), text, token)]
        changed_text = apply_edits(text, _merged(edits))
        parse_module(changed_text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return MustFailCopy(text=changed_text, covered=tuple(functions))


def _watching_edits(
    tree: ast.Module, functions: Iterable[AnyFunction], text: str, token: str
) -> Iterator[SourceEdit]:
    """What makes these functions fail, and tells of their comparisons and assertions."""
    spots = SourcePositions(text)
    literals = _literals(tree.body)
    yield SourceEdit("", len(text), len(text), f"\n{token}.imported()\n")
    numbers = {id(node): number for number, node in enumerate(assertions(tree))}
    for node in functions:
        start = spots.offset(node.lineno, 0)
        indent = text[start : spots.offset(node.lineno, node.col_offset)]
        yield SourceEdit("", start, start, f"{indent}@{token}.test(globals())\n")
        constants = {**literals, **_literals(node.body)}
        yield from redirected_comparisons(node, spots, text, token, constants, numbers)
    yield from reported_asserts(tree, spots, token, numbers)


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
) -> Iterator[tuple[str, AnyFunction]]:
    pending_nodes: list[tuple[str, ast.AST]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, AnyFunction):
            if not _is_generator(node):
                yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            pending_nodes += [(f"{prefix}{node.name}.", child) for child in node.body]
        elif isinstance(node, ast.If | ast.Try):
            pending_nodes += [(prefix, child) for child in ast.iter_child_nodes(node)]


def _is_generator(function: AnyFunction) -> bool:
    pending_nodes: list[ast.AST] = list(function.body)
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, AnyFunction | ast.Lambda):
            pending_nodes.extend(ast.iter_child_nodes(node))
    return False


def _literals(body: list[ast.stmt]) -> dict[str, str]:
    """Names bound once, to a constant, in this block → its source."""
    values: dict[str, str] = {}
    bound_names: list[str] = []
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                bound_names.append(node.id)
            elif isinstance(node, ast.arg):
                bound_names.append(node.arg)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    with suppress(ValueError):  # a number of thousands of digits has no text
                        values[target.id] = repr(statement.value.value)
    return {name: value for name, value in values.items() if bound_names.count(name) == 1}


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
        f"{token} = {token}_m.MustFailAudit({token!r}, {text!a}, {workspace!r}, "
        f"{dict(base_texts)!a}, {sorted(rebound)!r})\n"
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
