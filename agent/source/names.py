"""Names in the text of a source file: what it imports, what it can speak of, and by which names
it can come to a class."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from sandbox.syntax import parse_module


def names_leading_to(owner: str, texts: Iterable[str]) -> frozenset[str]:
    """Names by which code can come to the methods of a class without naming the class: those of
    its instances, as far as they are made where they are named, and of the classes below it."""
    classes, links = {owner}, list[tuple[str, str, bool]]()
    unread = list(texts)
    while True:
        unmatched_texts: list[str] = []
        for text in unread:
            if any(name in text for name in classes):
                links += _links(text)
            else:
                unmatched_texts.append(text)
        unread = unmatched_texts
        subclasses = {name for name, source, is_class in links if is_class and source in classes}
        if subclasses <= classes:
            instances = {
                name for name, source, is_class in links if not is_class and source in classes
            }
            return frozenset(classes | instances)
        classes |= subclasses


def _links(text: str) -> Iterator[tuple[str, str, bool]]:
    """A name, the class that it comes from, and whether it names a class below that."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, _last(base), True) for base in node.bases)
            continue
        for target, value in _bindings(node):
            if isinstance(value, ast.Call):
                yield _last(target), _last(value.func), False


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr | str | None, ast.expr | None]]:
    """What a node gives a name to, and the value."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign):
        yield node.target, node.value
    elif isinstance(node, ast.keyword):
        yield node.arg, node.value
    elif isinstance(node, ast.arguments):
        parameters = [*node.posonlyargs, *node.args]
        yield from zip((a.arg for a in parameters[::-1]), node.defaults[::-1], strict=False)
        yield from zip((a.arg for a in node.kwonlyargs), node.kw_defaults, strict=True)


def _last(expression: ast.expr | str | None) -> str:
    """`c` of `a.b.c`, and of `a.b.c[int]`; empty where there is no such name."""
    if isinstance(expression, ast.Subscript):
        return _last(expression.value)
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return (
        expression.id
        if isinstance(expression, ast.Name)
        else expression
        if isinstance(expression, str)
        else ""
    )


def spoken_names(text: str) -> frozenset[str]:
    """Names of other modules' things that a test file can speak of: imported ones, attributes,
    and words in its strings, for `getattr` and `monkeypatch`."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return words_of(text)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+", str(node.value)):
            names |= set(str(node.value).split("."))
    return frozenset(names)


def words_of(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


def imported_modules(text: str) -> set[str]:
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules
