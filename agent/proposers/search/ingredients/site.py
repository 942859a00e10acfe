"""One place to edit, and the drafts an operator makes there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.scope import Scope, kind_of, scope_of
from agent.source.module import Module, Span
from agent.source.precedence import ATOM, fit, level, text_level
from sandbox.syntax import AnyFunction


@dataclass(frozen=True)
class DraftEdit:
    """An edit before it is checked and scored: `changes` are (start, end, replacement)."""

    changes: tuple[tuple[int, int, str], ...]
    operator: str
    note: str
    weight: float = 1.0
    """How likely next to the other drafts of the same operator at the same statement."""
    names: tuple[str, ...] = ()
    """Names the edit brings in, for the features of the prior."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A node of a statement, with what an operator may use there."""

    module: Module
    context: ProjectContext
    statement: ast.stmt | ast.excepthandler
    node: ast.AST

    @cached_property
    def function(self) -> AnyFunction | None:
        # Decorators, defaults and annotations belong to the scope around a definition.
        return self.module.function_of(self.statement)

    @property
    def scope(self) -> Scope:
        return scope_of(self.module, self.function)

    @cached_property
    def body_scope(self) -> Scope:
        """The scope inside a definition's body; the scope of the statement for others."""
        if isinstance(self.statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return scope_of(self.module, self.statement)
        return self.scope

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", self.statement.lineno)

    def kind(self, node: ast.expr | None) -> str:
        return kind_of(node, self.scope.kinds)

    def source(self, node: ast.AST) -> str:
        return self.module.source(node)

    def one_line(self, node: ast.AST) -> str:
        """The source of a node without line breaks and the comments between them."""
        text = self.source(node)
        return ast.unparse(node) if "\n" in text or "\r" in text else text

    @cached_property
    def own_name(self) -> str:
        """What methods of the enclosing class call their instance; empty outside methods."""
        function = self.function
        if function is None or not isinstance(self.module.parent(function), ast.ClassDef):
            return ""
        if any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list):
            return ""
        parameters = [*function.args.posonlyargs, *function.args.args]
        return parameters[0].arg if parameters else ""

    def replace(
        self,
        node: ast.expr,
        text: str,
        operator: str,
        *,
        weight: float = 1.0,
        names: Sequence[str] = (),
    ) -> DraftEdit:
        """Put an expression, given as text, in the place of another."""
        start, end = self.module.span(node)
        old = self.module.text[start:end]
        new = fit(self.module, node, text)
        if self._grouped(node, start, end) and text_level(new) == ATOM > level(node):
            start, end = start - 1, end + 1  # `(a + b)` → `a`, not `(a)`
        return DraftEdit(
            ((start, end, new),),
            operator,
            f"`{brief(old)}` → `{brief(text)}`",
            weight,
            tuple(names),
        )

    def _grouped(self, node: ast.expr, start: int, end: int) -> bool:
        """Whether parentheses of its own stand directly around an expression."""
        if isinstance(self.module.parent(node), ast.Call | ast.ClassDef):
            return False  # they may be the call's
        text = self.module.text
        touches_name = (
            text[start - 2 : start - 1].isidentifier() or text[end + 1 : end + 2].isidentifier()
        )
        return text[start - 1 : start] == "(" and text[end : end + 1] == ")" and not touches_name

    def swap(self, span: Span, text: str, operator: str, *, weight: float = 1.0) -> DraftEdit:
        """Put text in the place of characters."""
        old = self.module.text[span[0] : span[1]]
        return DraftEdit(((*span, text),), operator, f"`{brief(old)}` → `{brief(text)}`", weight)

    def rewrite(
        self,
        changes: Iterable[tuple[int, int, str]],
        operator: str,
        note: str,
        *,
        weight: float = 1.0,
        names: Sequence[str] = (),
    ) -> DraftEdit:
        return DraftEdit(tuple(sorted(changes)), operator, note, weight, tuple(names))


def brief(text: str, width: int = 60) -> str:
    """Text on one line, shortened for a description."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
