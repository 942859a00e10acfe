"""A parsed source file: its tree, with every node's place in the text."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from sandbox.syntax import AnyFunction, parse_expression, parse_module

Span: TypeAlias = tuple[int, int]
"""Start and end in characters of the text, end excluded."""

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class StatementPosition:
    """Where a statement stands: the list that holds it and its index there."""

    block: list[ast.stmt]
    index: int


def parse_source(text: str) -> ast.Module:
    """Parse, with every refusal of the parser as a SyntaxError and no warning printed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse_module(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"the source cannot be parsed: {error}") from error


class Module:
    """One parsed source file. Everything is indexed once and read-only afterwards."""

    def __init__(self, path: str, text: str, tree: ast.Module) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text)]
        self._ascii = text.isascii()
        self._parents: dict[ast.AST, ast.AST] = {}
        self._spans: dict[ast.AST, Span] = {}
        self._places: dict[ast.AST, StatementPosition] = {}
        self._headers: dict[int, list[ast.stmt | ast.excepthandler]] = {}
        self._bad: set[ast.AST] = set()
        self._index()

    @classmethod
    def parse(cls, path: str, text: str) -> Module:
        """Raises SyntaxError when the text is not Python the running interpreter reads."""
        return cls(path, text, parse_source(text))

    # Indexing

    def _index(self) -> None:
        for parent in ast.walk(self.tree):
            for child in ast.iter_child_nodes(parent):
                # Contexts and operators are shared singletons: no parent of their own.
                if not isinstance(child, (ast.expr_context, ast.operator, ast.cmpop)):
                    self._parents[child] = parent
            if isinstance(parent, ast.JoinedStr):
                self._mark_inside_string(parent)
            for name in _BLOCKS:
                block = getattr(parent, name, None)
                if isinstance(block, list):
                    self._index_block(block)

    def _index_block(self, block: list[ast.stmt]) -> None:
        for index, node in enumerate(block):
            if isinstance(node, (ast.stmt, ast.excepthandler)):
                if isinstance(node, ast.stmt):
                    self._places[node] = StatementPosition(block, index)
                first, last = self.header_lines(node)
                for line in range(first, last + 1):
                    self._headers.setdefault(line, []).append(node)

    def _mark_inside_string(self, joined_string: ast.JoinedStr) -> None:
        """Before Python 3.12 positions inside an f-string may be wrong: believe only proof."""
        for node in ast.walk(joined_string):
            if node is joined_string or not isinstance(node, ast.expr):
                continue
            try:
                expression = parse_expression(f"({self.source(node)})")
            except (SyntaxError, ValueError, IndexError):
                self._bad.add(node)
                continue
            if ast.dump(expression) != ast.dump(node):
                self._bad.add(node)

    # Places in the text

    def offset(self, line: int, column: int) -> int:
        """Characters before a place given as the tree does: line from 1, column in UTF-8 bytes."""
        start = self._starts[line - 1]
        if self._ascii or column == 0:
            return start + column
        row = self.text[start : self._starts[line]]
        return start + len(row.encode()[:column].decode(errors="replace"))

    def span(self, node: ast.AST) -> Span:
        """The characters of a node; decorators of a definition are not in it."""
        span = self._spans.get(node)
        if span is None:
            position: tuple[int, int, int, int] = tuple(
                getattr(node, name)
                for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
            )
            span = self.offset(*position[:2]), self.offset(*position[2:])
            self._spans[node] = span
        return span

    def source(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def reliable(self, node: ast.AST) -> bool:
        """False for a node inside an f-string whose place the parser got wrong."""
        return node not in self._bad

    def line_of(self, position: int) -> int:
        """The line (from 1) that holds a character."""
        import bisect

        return max(1, min(bisect.bisect_right(self._starts, position), self.line_count))

    @property
    def line_count(self) -> int:
        return len(self._starts) - 1

    def line_start(self, line: int) -> int:
        """Offset of the first character of a line; of the end of the text past the last."""
        return self._starts[min(line - 1, len(self._starts) - 1)]

    # Relations

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents from the nearest outwards; the module is last."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def place(self, statement: ast.AST) -> StatementPosition | None:
        return self._places.get(statement)

    def function_of(self, node: ast.AST) -> AnyFunction | None:
        """The nearest function around a node (a definition is not inside itself)."""
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return ancestor
        return None

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, ast.ClassDef):
                return ancestor
        return None

    def loop_of(self, node: ast.AST) -> ast.For | ast.AsyncFor | ast.While | None:
        """The loop a `break` put at this statement would leave."""
        child = node
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, _DEFINITIONS):
                return None
            if (
                isinstance(ancestor, (ast.For, ast.AsyncFor, ast.While))
                and child not in ancestor.orelse
            ):
                return ancestor
            child = ancestor
        return None

    # Statements

    def header_lines(self, node: ast.stmt | ast.excepthandler) -> tuple[int, int]:
        """First and last line of a simple statement, or of the header of a compound one."""
        first = node.lineno
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = min(first, decorators[0].lineno)
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if not isinstance(body, list) or not body:
            return first, node.end_lineno or node.lineno
        inner = body[0]
        body_line = inner.pattern.lineno if isinstance(inner, ast.match_case) else inner.lineno
        if getattr(inner, "decorator_list", None):
            body_line = min(body_line, inner.decorator_list[0].lineno)
        ends = [
            child.end_lineno or 0
            for child in ast.iter_child_nodes(node)
            if isinstance(child, (ast.expr, ast.arguments, ast.withitem))
            and hasattr(child, "end_lineno")
        ]
        return first, max(
            first, node.lineno, *ends, 0
        ) if body_line <= node.lineno else body_line - 1

    def statements_at(self, line: int) -> list[ast.stmt | ast.excepthandler]:
        """Statements whose own lines (bodies excluded) cover a line; the innermost is last.

        For a blank line, a comment or an `else:` the nearest statement above, else below.
        """
        statements = self._headers.get(line)
        if statements:
            return statements
        for nearby_line in range(line - 1, max(0, line - 30), -1):
            if nearby_line in self._headers:
                return self._headers[nearby_line][-1:]
        for nearby_line in range(line + 1, min(self.line_count, line + 30) + 1):
            if nearby_line in self._headers:
                return self._headers[nearby_line][:1]
        return []

    def statement_span(self, line: int) -> tuple[int, int]:
        """First and last line of the statement (or header) that covers a line."""
        nodes = self._headers.get(line)
        return self.header_lines(nodes[-1]) if nodes else (line, line)

    def rows(self, statement: ast.stmt) -> Span | None:
        """Whole lines of a statement with decorators and its newline; None if it shares a line."""
        first = statement.lineno
        for decorator in getattr(statement, "decorator_list", ()):
            first = min(first, decorator.lineno)
        start = self.line_start(first)
        finish = self.span(statement)[1]
        end = self.line_start(self.line_of(max(finish - 1, 0)) + 1)
        head = self.text[start : self.span(statement)[0]]
        tail = self.text[finish:end].strip()
        if (first == statement.lineno and head.strip()) or (tail and not tail.startswith("#")):
            return None
        return start, end

    def indentation(self, statement: ast.AST) -> str:
        """The white space the line of a statement begins with."""
        start = self.line_start(statement.lineno)  # type: ignore[attr-defined]
        row = self.text[start : self.span(statement)[0]]
        return row[: len(row) - len(row.lstrip(" \t\f"))]

    @cached_property
    def newline(self) -> str:
        """The line ending that most lines of the file have."""
        endings = _NEWLINE.findall(self.text)
        return max(("\n", "\r\n", "\r"), key=endings.count)

    @cached_property
    def indent_unit(self) -> str:
        """What one level of indentation is in this file."""
        for node in ast.walk(self.tree):
            body = getattr(node, "body", None)
            if isinstance(node, ast.stmt) and isinstance(body, list) and body:
                outer, inner = self.indentation(node), self.indentation(body[0])
                if inner.startswith(outer) and body[0].lineno > node.lineno and inner != outer:
                    return inner[len(outer) :]
        return "    "

    @cached_property
    def functions(self) -> tuple[AnyFunction, ...]:
        return tuple(
            node
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        )
