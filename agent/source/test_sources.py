"""The source of single tests, found by their ids."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from sandbox.runners.test_ids import locate
from sandbox.snapshots.snapshot import Snapshot
from sandbox.syntax import parse_module

_UNITTEST = re.compile(r"unittest|TestCase|\bnose2?\b|\btrial\b")


def sources_of(test_ids: Iterable[str], snapshot: Snapshot) -> tuple[str, ...]:
    """The functions (or, for a file that cannot be collected, the files) behind the ids.

    An id whose function cannot be found gives the whole file; an unknown file gives nothing.
    """
    sources: dict[str, None] = {}
    for test_id in test_ids:
        path, names = locate(test_id, snapshot.entries.keys())
        if path is None:
            continue
        try:
            text = snapshot.text(path).text
        except (FileNotFoundError, ValueError):
            continue
        sources[_segment(text, names)] = None
    return tuple(sources)


def _segment(text: str, names: tuple[str, ...]) -> str:
    try:
        node: ast.AST = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return text
    target = definition(node, names)
    return text if target is None else ast.get_source_segment(text, target) or text


def definition(tree: ast.AST, names: Sequence[str]) -> ast.AST | None:
    """The function or class of this name, or of the last name inside those before it."""
    target: ast.AST | None = None
    for name in names:
        children = _definitions(tree if target is None else target)
        target = next((child for child in children if child.name == name), None)
        if target is None:
            return None
    return target


def _definitions(
    node: ast.AST,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child


def may_hold_test(text: str | None, names: Sequence[str]) -> bool:
    """Whether a test with this dotted name within its module may come from the module's text.
    Doubt counts as yes: only a name that stands for no test case and no test function, in a
    module that knows nothing of unittest, is none."""
    if text is None or not names or names[-1].startswith("test") or _UNITTEST.search(text):
        return True
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return True
    holder = definition(tree, names[:1])
    return len(names) > 1 and isinstance(holder, ast.ClassDef) and bool(holder.bases)
