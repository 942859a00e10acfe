"""Docstrings whose examples are the project's tests: the code around them may be edited, they
may not."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from agent.patches.changes import FileChange
from agent.patches.path_rules import PathRules
from agent.source.trees import tree_of

_PROMPT = ">>>"
_HOLDERS = ("__doc__", "__test__")
"""Where doctest looks for examples."""


def pinned_docstring_objections(
    changes: Mapping[str, FileChange], rules: PathRules
) -> tuple[str, ...]:
    """One sentence for each file in which the patch touches docstrings that are tests."""
    return tuple(
        f"{path}: {sentence}"
        for path, (old, new) in changes.items()
        if old is not None and new is not None and rules.holds_pinned_examples(path)
        if (sentence := _touched(old, new))
    )


def _touched(old: bytes, new: bytes) -> str:
    base_tree, patched_tree = tree_of(old), tree_of(new)
    if base_tree is None or patched_tree is None:
        return "" if old.count(b">>>") == new.count(b">>>") else _CHANGED
    patched = Counter(_docstrings(patched_tree))
    if Counter(_docstrings(base_tree)) - patched:
        return _CHANGED
    if _mentions(patched_tree) - _mentions(base_tree):
        return "the patch sets where doctest looks for the examples that are tests"
    return ""


_CHANGED = "the patch changes a docstring whose examples are tests"


def _docstrings(tree: ast.AST, name: str = "") -> Iterator[tuple[str, str]]:
    """(qualified name, docstring) of what holds examples."""
    for node in ast.iter_child_nodes(tree):
        inner = name
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{name}.{node.name}"
        yield from _docstrings(node, inner)
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(tree, clean=False)
        if text and _PROMPT in text:
            yield name, text


def _mentions(tree: ast.AST) -> Counter[str]:
    """How often `__doc__` and `__test__` are named, in code or in a string."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            word: object = node.attr
        elif isinstance(node, ast.Name):
            word = node.id
        else:
            word = node.value if isinstance(node, ast.Constant) else None
        if isinstance(word, str) and word in _HOLDERS:
            found[word] += 1
    return found
