"""Where statements and functions lie in a source file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FunctionSpan:
    name: str
    first: int
    last: int


@dataclass
class Structure:
    """Maps lines to statements, functions and the module-level names they define or use."""

    statement_of: dict[int, int] = field(default_factory=dict)
    """Any line of a statement (the header, for a compound one) → its first line."""
    functions: list[FunctionSpan] = field(default_factory=list)
    """Inner functions after the ones that hold them."""
    defined_at: dict[str, int] = field(default_factory=dict)
    """Module- or class-level name → line of the statement that assigns it."""
    words_of: dict[int, set[str]] = field(default_factory=dict)
    """First line of a statement → identifiers in it (in its header, for a compound one)."""

    def function_at(self, line: int) -> FunctionSpan | None:
        """The innermost function around a line."""
        found = None
        for span in self.functions:
            if span.first <= line <= span.last:
                found = span
        return found

    def statements_in(self, span: FunctionSpan) -> list[int]:
        return [line for line in self.words_of if span.first < line <= span.last]


def structure(text: str) -> Structure:
    """Read the structure of a source text. Raises SyntaxError when it does not parse."""
    tree = ast.parse(text)
    result = Structure()
    for node in _walk_outer_first(tree):
        if isinstance(node, ast.stmt):
            _add_statement(result, node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            last = node.end_lineno or node.lineno
            result.functions.append(FunctionSpan(node.name, node.lineno, last))
        if isinstance(node, (ast.Module, ast.ClassDef)):
            _add_definitions(result, node)
    return result


def _walk_outer_first(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk_outer_first(child)


def _add_statement(result: Structure, node: ast.stmt) -> None:
    first, last = node.lineno, node.end_lineno or node.lineno
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    parts: list[ast.AST] = [node]
    if isinstance(body, list):
        start = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
        last = max(first, start - 1)
        parts = _header_parts(node)
    for line in range(first, last + 1):
        result.statement_of[line] = first
    words = result.words_of.setdefault(first, set())
    for part in parts:
        words |= identifiers(part)


def _header_parts(node: ast.stmt) -> list[ast.AST]:
    blocks = {"body", "orelse", "finalbody", "handlers", "cases"}
    parts: list[ast.AST] = []
    for name, value in ast.iter_fields(node):
        if name in blocks:
            continue
        values = value if isinstance(value, list) else [value]
        parts += [item for item in values if isinstance(item, ast.AST)]
    return parts


def identifiers(node: ast.AST) -> set[str]:
    """Names, attributes, arguments and keywords under a node."""
    found: set[str] = set()
    for child in ast.walk(node):
        for attribute in ("id", "attr", "arg", "name"):
            value = getattr(child, attribute, None)
            if isinstance(value, str):
                found.add(value)
    return found


def _add_definitions(result: Structure, node: ast.Module | ast.ClassDef) -> None:
    for statement in node.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    result.defined_at[target.id] = statement.lineno


def statement_lines(text: str) -> list[int]:
    """First lines of all statements inside functions; none when the text does not parse."""
    try:
        known = structure(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [line for line in known.words_of if known.function_at(line) is not None]
