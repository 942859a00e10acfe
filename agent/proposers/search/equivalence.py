"""Whether an edit compiles and what it means: equal meanings are tried once."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Hashable
from types import CodeType
from typing import TypeAlias

from agent.source.module import Module

Meaning: TypeAlias = Hashable
_ROW = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


def meaning(code: CodeType) -> Meaning:
    """The instructions, constants and names of compiled code, without places in the text."""
    constants = tuple(
        meaning(item) if isinstance(item, CodeType) else (type(item), repr(item))
        for item in code.co_consts
    )
    return (
        code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
        code.co_flags, code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount,
        code.co_exceptiontable, constants,
    )  # fmt: skip


def compiled(text: str, *, strict: bool = True) -> Meaning | None:
    """The meaning of source text; None when it does not compile.

    Strict: what makes the compiler warn (`x is 1`, a call of a literal) does not compile either.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if strict else "ignore")
            return meaning(compile(text, "<candidate>", "exec", dont_inherit=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, Warning):
        return None


class Unit:
    """The least piece of the file that has to be compiled to judge edits inside it.

    For an edit in one statement that is the statement (a compound one with its body left out)
    in a scaffold that allows what its place allows; for edits across statements it is the
    outermost function or statement around them.
    """

    def __init__(self, module: Module, start: int, end: int, prefix: str, suffix: str) -> None:
        self.start = start
        self.end = end
        self._text = module.text[start:end]
        self._before = prefix
        self._after = suffix
        self._strict = compiled(prefix + self._text + suffix) is not None
        self.base = compiled(prefix + self._text + suffix, strict=self._strict)

    def changed(self, changes: tuple[tuple[int, int, str], ...]) -> Meaning | None:
        """What the unit means with the changes made; None when it does not compile."""
        pieces = [self._before]
        position = 0
        for start, end, text in changes:
            if start - self.start < position:
                return None
            pieces += (self._text[position : start - self.start], text)
            position = end - self.start
        pieces += (self._text[position:], self._after)
        return compiled("".join(pieces), strict=self._strict)


def _scaffold(module: Module, node: ast.AST, indent: str) -> str:
    """Headers under which a statement of this place compiles, up to its indentation."""
    if not indent:
        return ""
    function = module.function_of(node)
    keyword = "if 1:"
    if function is not None:
        keyword = "async def _():" if isinstance(function, ast.AsyncFunctionDef) else "def _():"
    elif module.class_of(node) is not None:
        keyword = "class _:"
    loop = module.loop_of(node) is not None
    headers = [keyword, "while 1:"] if loop else [keyword]
    if len(headers) > len(indent):
        return ""
    return "".join(f"{indent[:step]}{header}\n" for step, header in enumerate(headers))


def statement_unit(module: Module, node: ast.stmt | ast.excepthandler) -> Unit | None:
    """The unit of a statement by itself; None where it cannot stand by itself."""
    if isinstance(node, (ast.excepthandler, ast.Try, ast.Global, ast.Nonlocal, ast.Match)):
        return None
    start, end = module.span(node)
    row = module.line_start(node.lineno)
    indent = module.text[row:start]
    if indent.strip() or getattr(node, "decorator_list", None):
        return None
    body = getattr(node, "body", None)
    if not body:
        unit = Unit(module, row, end, _scaffold(module, node, indent), "\n")
    else:
        inner = module.span(body[0])[0]
        if getattr(body[0], "decorator_list", None) or module.text[start : start + 4] == "elif":
            return None
        unit = Unit(module, row, inner, _scaffold(module, node, indent), "pass\n")
    return unit if unit.base is not None else None


def block_unit(module: Module, node: ast.AST) -> Unit | None:
    """The outermost function around a node, else its outermost statement below a class."""
    chain = [node, *module.ancestors(node)]
    top: ast.AST | None = None
    for index, item in enumerate(chain):
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            top = item
        parent = chain[index + 1] if index + 1 < len(chain) else None
        if top is None and isinstance(parent, (ast.Module, ast.ClassDef)):
            top = item
    if not isinstance(top, ast.stmt):
        return None
    rows = module.rows(top)
    if rows is None:
        return Unit(module, 0, len(module.text), "", "")
    prefix = "if 1:\n" if module.indentation(top) else ""
    tail = "" if module.text[: rows[1]].endswith(("\n", "\r")) else "\n"
    unit = Unit(module, *rows, prefix, tail)
    return unit if unit.base is not None else Unit(module, 0, len(module.text), "", "")
