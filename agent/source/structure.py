"""Where statements and functions lie in a source file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sandbox.syntax import parse_module

LONG_STATEMENT_LINES = 12
"""Lines; inside a longer statement only what stands near the line asked for is edited."""

_WORD = re.compile(r"[^\W_]{2,}")
_CAPITAL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


@dataclass(frozen=True)
class FunctionSpan:
    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Definition:
    """A name that a statement of a module or a class gives a value to."""

    name: str
    line: int
    last: int
    rows: Mapping[int, frozenset[str]]
    """Line → words of the texts and names on it; the name itself and its class at the first."""


@dataclass
class Structure:
    """Maps lines to statements, functions and the module-level names they define or use."""

    statement_of: dict[int, int] = field(default_factory=dict)
    """Any line of a statement (the header, for a compound one) → its first line; `except` and
    `case` count as statements, and decorators belong to what they decorate."""
    last_of: dict[int, int] = field(default_factory=dict)
    """First line of a statement → last line of it or of its header."""
    functions: list[FunctionSpan] = field(default_factory=list)
    """Inner functions after the ones that hold them."""
    definitions: list[Definition] = field(default_factory=list)
    words_of: dict[int, set[str]] = field(default_factory=dict)
    """First line of a statement → identifiers in it (in its header, for a compound one), those
    in quotes included."""

    def is_long(self, first: int) -> bool:
        """Whether the statement that begins at this line is edited part by part."""
        return self.last_of.get(first, first) - first >= LONG_STATEMENT_LINES

    def function_at(self, line: int) -> FunctionSpan | None:
        """The innermost function around a line."""
        innermost = None
        for span in self.functions:
            if span.first <= line <= span.last:
                innermost = span
        return innermost

    def statements_in(self, span: FunctionSpan) -> list[int]:
        return [line for line in self.words_of if span.first < line <= span.last]


def structure(text: str) -> Structure:
    """Read the structure of a source text. Raises SyntaxError when it does not parse."""
    tree = parse_module(text)
    result = Structure()
    for node in _walk_outer_first(tree):
        if isinstance(node, ast.stmt):
            _add_statement(result, node)
        elif isinstance(node, ast.ExceptHandler):
            _add_lines(result, node.lineno, node.lineno, _top_line(node.body[0]) - 1)
        elif isinstance(node, ast.match_case):
            first = node.pattern.lineno
            _add_lines(result, first, first, _top_line(node.body[0]) - 1)
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
        last = _top_line(body[0]) - 1
        parts = _header_parts(node)
    _add_lines(result, first, _top_line(node), last)
    words = result.words_of.setdefault(first, set())
    for part in parts:
        words |= identifiers(part)


def _add_lines(result: Structure, first: int, top: int, last: int) -> None:
    """Lines from `top` to `last` belong to what begins at `first`."""
    for line in range(top, max(first, last) + 1):
        result.statement_of[line] = first
    result.last_of[first] = max(first, last, result.last_of.get(first, 0))


def _top_line(node: ast.stmt | ast.match_case) -> int:
    """The first line of a statement with its decorators, or of a `case`."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    decorators = getattr(node, "decorator_list", None)
    return min(node.lineno, decorators[0].lineno) if decorators else node.lineno


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
    """Names, attributes, arguments and keywords under a node, and quoted words that may be one:
    `getattr(self, "limit")` uses it as well."""
    names: set[str] = set()
    for child in ast.walk(node):
        names.update(identifiers_of(child))
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            names |= {child.value} if child.value.isidentifier() else set()
    return names


def identifiers_of(node: ast.AST) -> list[str]:
    """Names, attributes, arguments and keywords of one node, without its children."""
    values = (getattr(node, attribute, None) for attribute in ("id", "attr", "arg", "name"))
    return [value for value in values if isinstance(value, str)]


def _add_definitions(result: Structure, node: ast.Module | ast.ClassDef) -> None:
    owner = node.name if isinstance(node, ast.ClassDef) else ""
    for statement in node.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            last = statement.end_lineno or statement.lineno
            for name in names:
                rows = _rows(statement, parts_of((owner, name)))
                result.definitions.append(Definition(name, statement.lineno, last, rows))


def _rows(statement: ast.stmt, first: frozenset[str]) -> dict[int, frozenset[str]]:
    rows = {statement.lineno: first}
    for node in ast.walk(statement):
        texts = identifiers_of(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts = [node.value]
        if texts:
            line = getattr(node, "lineno", statement.lineno)
            rows[line] = rows.get(line, frozenset()) | parts_of(texts)
    return rows


def parts_of(texts: Iterable[str]) -> frozenset[str]:
    """The words of texts and of names in either case style, in small letters."""
    return frozenset(
        part.lower()
        for text in texts
        for word in _WORD.findall(text)
        for part in {word, *_CAPITAL.split(word)}
    )


def statement_lines(text: str) -> list[int]:
    """First lines of all statements inside functions; none when the text does not parse."""
    try:
        text_structure = structure(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [
        line for line in text_structure.words_of if text_structure.function_at(line) is not None
    ]
