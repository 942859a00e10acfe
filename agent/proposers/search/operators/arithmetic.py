"""Arithmetic, bit and augmented operators, signs, and operands dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators.comparison import operator_span

_TEXT: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^",
    ast.BitAnd: "&", ast.MatMult: "@",
}  # fmt: skip
# Nearest first: the more usual confusion of the two.
_OTHER = {
    "+": ("-", "*"),
    "-": ("+", "*", "/"),
    "*": ("+", "/", "**", "//"),
    "/": ("//", "*", "%", "-"),
    "//": ("/", "%", "*"),
    "%": ("//", "/", "+"),
    "**": ("*",),
    "<<": (">>",),
    ">>": ("<<",),
    "|": ("&", "^", "-"),
    "&": ("|", "^"),
    "^": ("&", "|"),
    "@": ("*",),
}


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.BinOp):
        yield from _binary(site, node)
        yield from _regrouped(site, node)
    elif isinstance(node, ast.AugAssign):
        yield from _augmented(site, node)
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        yield site.replace(node, site.source(node.operand), "arithmetic.sign")
    if isinstance(node, (ast.Name, ast.Attribute, ast.Call)) and _numeric_place(site, node):
        yield site.replace(node, f"-{site.source(node)}", "arithmetic.negate")
        for text in ("+ 1", "- 1"):
            yield site.replace(node, f"{site.source(node)} {text}", "arithmetic.shift")


def _numeric_place(site: Site, node: ast.expr) -> bool:
    if isinstance(getattr(node, "ctx", ast.Load()), (ast.Store, ast.Del)):
        return False
    parent = site.module.parent(node)
    if isinstance(parent, ast.Call) and node is not parent.func:
        callee = parent.func
        is_numeric_builtin = isinstance(callee, ast.Name) and callee.id in (
            "min",
            "max",
            "range",
            "abs",
            "int",
        )
        return is_numeric_builtin or site.kind(node) in ("", "number")
    if isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign, ast.Dict, ast.Tuple, ast.List)):
        value = getattr(parent, "value", node)
        return value is node and site.kind(node) in ("", "number")
    return isinstance(parent, ast.BinOp) and site.kind(node) in ("", "number")


def _textual(site: Site, node: ast.expr) -> bool:
    return site.kind(node) in ("text", "list", "tuple", "dict", "set")


def _binary(site: Site, node: ast.BinOp) -> Iterator[DraftEdit]:
    text = _TEXT[type(node.op)]
    is_formatting = text == "%" and site.kind(node.left) == "text"
    span = operator_span(site.module, node.left, node.right, text)
    stringy = _textual(site, node.left) or _textual(site, node.right)
    if span and not is_formatting:
        for rank, replacement in enumerate(_OTHER[text]):
            weight = 1.0 / (1 + rank)
            yield site.swap(
                span, replacement, "arithmetic.operator", weight=weight * (0.2 if stringy else 1)
            )
    if is_formatting:
        return
    for operand, dropped_operand in ((node.left, node.right), (node.right, node.left)):
        is_one = isinstance(dropped_operand, ast.Constant) and dropped_operand.value in (1, 1.0)
        weight = 1.0 if is_one else 0.5
        yield site.replace(node, site.source(operand), "arithmetic.drop", weight=weight)
    if text in ("-", "/", "//", "%", "**") or (text == "+" and stringy):
        left_span, right_span = site.module.span(node.left), site.module.span(node.right)
        yield site.rewrite(
            (
                (
                    *left_span,
                    f"({site.source(node.right)})"
                    if isinstance(node.right, ast.BinOp)
                    else site.source(node.right),
                ),
                (
                    *right_span,
                    f"({site.source(node.left)})"
                    if isinstance(node.left, ast.BinOp)
                    else site.source(node.left),
                ),
            ),
            "arithmetic.swap",
            f"swap the operands of `{text}`",
        )
    if text in ("+", "-") and not stringy and not isinstance(node.right, ast.Constant):
        for extra in ("+ 1", "- 1"):
            yield site.replace(node, f"{site.source(node)} {extra}", "arithmetic.shift", weight=0.7)


def _regrouped(site: Site, node: ast.BinOp) -> Iterator[DraftEdit]:
    """Other grouping: `a + b * c` → `(a + b) * c`, `(a - b) / c` → `a - b / c`."""
    left_operand, right_operand = node.left, node.right
    operator = _TEXT[type(node.op)]
    for side in (left_operand, right_operand):
        if not isinstance(side, ast.BinOp):
            continue
        inner = _TEXT[type(side.op)]
        if inner == operator and operator in ("+", "*"):
            continue
        first, second = site.source(side.left), site.source(side.right)
        if side is left_operand:
            text = f"{first} {inner} ({second} {operator} {site.source(right_operand)})"
        else:
            text = f"({site.source(left_operand)} {operator} {first}) {inner} {second}"
        yield site.replace(node, text, "arithmetic.group")


def _augmented(site: Site, node: ast.AugAssign) -> Iterator[DraftEdit]:
    text = _TEXT[type(node.op)] + "="
    span = operator_span(site.module, node.target, node.value, text)
    if not span:
        return
    for rank, replacement in enumerate(_OTHER[text[:-1]]):
        yield site.swap(span, f"{replacement}=", "arithmetic.augmented", weight=1.0 / (1 + rank))
    yield site.swap(span, "=", "arithmetic.assign")
