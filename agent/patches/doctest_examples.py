"""Docstrings whose examples are the project's tests: the code around them may be edited, they
may not."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.patches.changes import FileChange
from agent.patches.inner_tests import touched_tests
from agent.patches.path_rules import RUST_SUFFIXES, PathRules
from agent.source.trees import tree_of
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import locate

_PROMPT = ">>>"
_HOLDERS = ("__doc__", "__test__")
"""Where doctest looks for examples."""
CONTRADICTION = "the failing tests and"
"""How the objection begins that a failing test and an example may contradict each other."""


def pinned_docstring_objections(
    changes: Mapping[str, FileChange], rules: PathRules
) -> tuple[str, ...]:
    """One sentence for each file in which the patch touches docstrings that are tests, or tests
    that stand inside of a source."""
    return tuple(
        f"{path}: {sentence}"
        for path, (old, new) in changes.items()
        if old is not None and new is not None and rules.holds_pinned_examples(path)
        if (sentence := _touched_in(path, old, new))
    )


def broken_examples(
    changes: Mapping[str, FileChange],
    failures: Mapping[str, TestResult],
    rules: PathRules,
    paths: Collection[str],
) -> tuple[str, ...]:
    """`FILE:LINE`, in the base, of the examples that these tests are, where each of them is pinned
    and of a function or class that the patch changes; else empty. `paths` are those of the base."""
    places = [_place(*failure, changes, rules, paths) for failure in failures.items()]
    return tuple(dict.fromkeys(places)) if all(places) else ()


def contradictions(places: Sequence[str]) -> tuple[str, ...]:
    """The objection to a patch that makes all failing tests pass and breaks nothing but the
    examples at these places (`FILE:LINE`), of what it changes; none without a place."""
    if not places:
        return ()
    examples = f"example{'s' if len(places) > 1 else ''} at {', '.join(places[:3])}"
    return (
        f"{CONTRADICTION} the {examples} may contradict each other: every failing test passes with "
        "the rejected patch, and no other test breaks; decide which is right, since no patch may "
        "change an example that is a test",
    )


def contradiction_in(objections: Sequence[str]) -> str:
    """The sentence of `contradictions` among these; empty where there is none."""
    return next((text for text in objections if text.startswith(CONTRADICTION)), "")


def _place(
    test_id: str,
    result: TestResult,
    changes: Mapping[str, FileChange],
    rules: PathRules,
    paths: Collection[str],
) -> str:
    """Empty for what is no pinned example of something that the patch changes."""
    path, names = locate(test_id, paths)
    old, new = changes.get(path or "", (None, None))
    if path is None or old is None or new is None or not rules.holds_pinned_examples(path):
        return ""
    base_tree, patched_tree = tree_of(old), tree_of(new)
    if base_tree is None or patched_tree is None:
        return ""
    base_holder, patched_holder = (
        _holder(tree, ".".join(names)) for tree in (base_tree, patched_tree)
    )
    if (
        base_holder is None
        or patched_holder is None
        or ast.dump(base_holder.node) == ast.dump(patched_holder.node)
    ):
        return ""
    shift = base_holder.first_line - patched_holder.first_line
    lines = (int(number) + shift for number in _FAILED_LINE.findall(result.details))
    within = range(base_holder.first_line, base_holder.last_line + 1)
    return f"{path}:{next((line for line in lines if line in within), base_holder.first_line)}"


def _holder(tree: ast.AST, dotted: str) -> _Docstring | None:
    """The function or class of that name, counted from the module or from above it."""
    holders = [
        docstring
        for docstring in _docstrings(tree)
        if docstring.name and f".{dotted}".endswith(docstring.name)
    ]
    return max(holders, key=lambda docstring: len(docstring.name), default=None)


def _touched_in(path: str, old: bytes, new: bytes) -> str:
    return touched_tests(old, new) if path.endswith(RUST_SUFFIXES) else _touched(old, new)


def _touched(old: bytes, new: bytes) -> str:
    base_tree, patched_tree = tree_of(old), tree_of(new)
    if base_tree is None or patched_tree is None:
        return "" if old.count(b">>>") == new.count(b">>>") else _CHANGED
    patched_docstrings = Counter(docstring.key for docstring in _docstrings(patched_tree))
    for docstring in _docstrings(base_tree):
        if not patched_docstrings[docstring.key]:
            name = docstring.name.lstrip(".")
            of = f"`{name}`" if name else "the module"
            return f"{_CHANGED} (of {of}, line {docstring.first_line})"
        patched_docstrings[docstring.key] -= 1
    if _mentions(patched_tree) - _mentions(base_tree):
        return "the patch sets where doctest looks for the examples that are tests"
    return ""


_CHANGED = "the patch changes a docstring whose examples are tests"
_FAILED_LINE = re.compile(r"(?:, line |:)(\d{1,7})(?:, in |: DocTestFailure|: UnexpectedException)")
"""As doctest and pytest tell of the example that failed."""


@dataclass(frozen=True)
class _Docstring:
    """A docstring with examples."""

    name: str
    """Qualified, with a dot before each part; empty of the module."""
    text: str
    node: ast.AST
    """What it is the docstring of."""
    first_line: int
    last_line: int

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.text


def _docstrings(tree: ast.AST, name: str = "") -> Iterator[_Docstring]:
    """The docstrings of what holds examples."""
    for node in ast.iter_child_nodes(tree):
        inner = name
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{name}.{node.name}"
        yield from _docstrings(node, inner)
    if isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(tree, clean=False)
        if text and _PROMPT in text:
            place = tree.body[0]
            yield _Docstring(name, text, tree, place.lineno, place.end_lineno or place.lineno)


def _mentions(tree: ast.AST) -> Counter[str]:
    """How often `__doc__` and `__test__` are named, in code or in a string."""
    counts: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            word: object = node.attr
        elif isinstance(node, ast.Name):
            word = node.id
        else:
            word = node.value if isinstance(node, ast.Constant) else None
        if isinstance(word, str) and word in _HOLDERS:
            counts[word] += 1
    return counts
