"""Operator precedence: where a replaced expression needs parentheses."""

from __future__ import annotations

import ast
from functools import lru_cache

from agent.source.module import Module
from sandbox.syntax import parse_expression

TUPLE, WALRUS, TEST, OR, AND, NOT, COMPARE, BITS = -1, 0, 1, 2, 3, 4, 5, 6
UNARY, POWER, AWAIT, ATOM = 12, 13, 14, 15

BINARY: dict[type[ast.operator], int] = {
    ast.BitOr: BITS,
    ast.BitXor: 7,
    ast.BitAnd: 8,
    ast.LShift: 9,
    ast.RShift: 9,
    ast.Add: 10,
    ast.Sub: 10,
    ast.Mult: 11,
    ast.Div: 11,
    ast.FloorDiv: 11,
    ast.Mod: 11,
    ast.MatMult: 11,
    ast.Pow: POWER,
}


def level(node: ast.expr) -> int:
    """How tightly an expression binds; 15 is an atom."""
    match node:
        case ast.BinOp():
            return BINARY[type(node.op)]
        case ast.BoolOp():
            return OR if isinstance(node.op, ast.Or) else AND
        case ast.UnaryOp():
            return NOT if isinstance(node.op, ast.Not) else UNARY
        case ast.Compare():
            return COMPARE
        case ast.IfExp() | ast.Lambda():
            return TEST
        case ast.NamedExpr() | ast.Yield() | ast.YieldFrom():
            return WALRUS
        case ast.Await():
            return AWAIT
        case ast.Starred() | ast.Tuple():
            return TUPLE
    return ATOM


@lru_cache(maxsize=20_000)
def text_level(text: str) -> int:
    """The level of an expression given as text; -1 where it does not parse by itself."""
    try:
        node = parse_expression(text)
    except (SyntaxError, ValueError):
        return TUPLE
    if isinstance(node, ast.Tuple) and text.lstrip().startswith("("):
        return ATOM if text.rstrip().endswith(")") else TUPLE
    if text.lstrip().startswith("(") and text.rstrip().endswith(")") and node.col_offset > 0:
        return ATOM
    return level(node)


def required(module: Module, node: ast.expr) -> int:
    """The least level an expression must have to stand where `node` stands, unparenthesised."""
    parent = module.parent(node)
    match parent:
        case ast.BoolOp():
            return level(parent) + 1
        case ast.Compare():
            return BITS
        case ast.BinOp():
            parent_level = level(parent)
            if isinstance(parent.op, ast.Pow):
                return AWAIT if node is parent.left else UNARY
            return parent_level if node is parent.left else parent_level + 1
        case ast.UnaryOp():
            return level(parent)
        case ast.Attribute() | ast.Await():
            return ATOM
        case ast.Subscript():
            return ATOM if node is parent.value else TUPLE
        case ast.Call():
            return ATOM if node is parent.func else TEST
        case ast.IfExp():
            return TEST if node is parent.orelse else OR
        case ast.comprehension() | ast.FormattedValue():
            return OR
        case ast.Starred():
            return BITS
        case ast.Assign() | ast.Return() | ast.For() | ast.Expr() | ast.Yield():
            return TUPLE
    return TEST


def fit(module: Module, node: ast.expr, text: str) -> str:
    """`text`, in parentheses where it needs them in the place of `node`."""
    own_level = text_level(text)
    multi_line = "\n" in text or "\r" in text
    if own_level >= required(module, node) and not (multi_line and own_level < ATOM):
        return text
    start, end = module.span(node)
    preceding_text = module.text[:start][-40:].rstrip()
    following_text = module.text[end : end + 40].lstrip()
    call = isinstance(module.parent(node), (ast.Call, ast.ClassDef))
    if preceding_text.endswith("(") and following_text.startswith(")") and not call:
        return text
    return f"({text})"
