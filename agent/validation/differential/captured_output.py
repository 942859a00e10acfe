"""Tests that capture output, logs or warnings, which do not cross between two sandboxes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from sandbox.syntax import AnyFunction, parse_module

_LISTENS = re.compile(
    r"capsys|capfd|caplog|recwarn|catch_warnings|simplefilter|assert(No)?Logs|redirect_std|warns\("
)
_SETUP = re.compile(r"(async)?_?set_?up|(setup|teardown)_", re.IGNORECASE)
Definition = AnyFunction | ast.ClassDef


def listens(test_id: str, texts: Iterable[str]) -> bool:
    """Whether a test takes in what is printed, logged or warned of: that does not cross, so a
    silence on the base's side says nothing. `texts` are the sources of its file and of those with
    its fixtures and helpers, which count as far as the test comes to them by name; all of them
    where a tree is too deep, or holds a number too long, to be written down."""
    known_texts = list(texts)
    try:
        return _listens_by_name(test_id, known_texts)
    except (ValueError, RecursionError):
        return any(map(_LISTENS.search, known_texts))


def _listens_by_name(test_id: str, texts: Iterable[str]) -> bool:
    trees: list[ast.Module] = []
    for text in texts:
        try:
            trees.append(parse_module(text))
        except (SyntaxError, ValueError, RecursionError):
            if _LISTENS.search(text):
                return True
    definitions: dict[str, list[Definition]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            for name in _known_as(node):
                definitions.setdefault(name, []).append(node)  # type: ignore[arg-type]
    names = {test_id.rpartition("::")[2].partition("[")[0]}
    pending_nodes = [node for tree in trees for node in _around(tree, *names)]
    visited_nodes: set[ast.AST] = set()
    while pending_nodes:
        node = pending_nodes.pop()
        if node not in visited_nodes:
            visited_nodes.add(node)
            if _LISTENS.search(ast.unparse(node)):
                return True
            pending_nodes += [d for name in _names(node) for d in definitions.get(name, ())]
    return False


def _known_as(node: ast.AST) -> Iterator[str]:
    """By which names a function or class is come to: a fixture may have one of its own."""
    if isinstance(node, Definition):
        yield node.name
        for decorator in node.decorator_list:
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    yield str(keyword.value.value)


def _around(tree: ast.Module, test_name: str) -> Iterator[ast.AST]:
    """The test, and what runs around it unasked: fixtures for everybody, methods that set up
    its class, marks of its class and module."""
    for node in ast.walk(tree):
        if isinstance(node, AnyFunction):
            automatic = any("autouse=True" in ast.unparse(d) for d in node.decorator_list)
            if node.name == test_name or automatic:
                yield node
        elif isinstance(node, ast.ClassDef):
            methods = [child for child in node.body if isinstance(child, AnyFunction)]
            if any(method.name == test_name for method in methods):
                yield from (*node.decorator_list, *node.bases)
                yield from (method for method in methods if _SETUP.match(method.name))
    for statement in tree.body:
        is_mark = isinstance(statement, ast.Assign) and "pytestmark" in ast.unparse(statement)
        if is_mark or (isinstance(statement, AnyFunction) and _SETUP.match(statement.name)):
            yield statement


def _names(node: ast.AST) -> Iterator[str]:
    """Names by which a piece of a test comes to other functions: its parameters are fixtures."""
    for child in ast.walk(node):
        if isinstance(child, ast.Name):
            yield child.id
        elif isinstance(child, ast.Attribute):
            yield child.attr
        elif isinstance(child, ast.arg):
            yield child.arg
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
