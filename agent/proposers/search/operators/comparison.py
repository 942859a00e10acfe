"""Comparisons: boundaries, other operators, swapped and shifted operands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.source.module import Module, Span

_TEXT: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_NEGATION = {
    "==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in", "not in": "in",
}  # fmt: skip
_OTHER = {
    "<": (">", ">=", "!="),
    "<=": (">=", ">", "=="),
    ">": ("<", "<=", "!="),
    ">=": ("<=", "<", "=="),
    "==": ("<=", ">=", "in", "is", "<", ">"),
    "!=": ("<", ">", "not in", "is not"),
    "is": ("==", "in"),
    "is not": ("!=", "not in"),
    "in": ("==", "is"),
    "not in": ("!=", "is not"),
}


def operator_span(
    module: Module, left_operand: ast.expr, right_operand: ast.expr, text: str
) -> Span | None:
    """Where the operator between two operands stands; None when it is not plain text."""
    start, end = module.span(left_operand)[1], module.span(right_operand)[0]
    between = module.text[start:end]
    at = between.find(text.split()[0])
    if at < 0 or "#" in between or "\\" in between:
        return None
    finish = at + len(text)
    if between[at:finish] != text:
        return None
    return start + at, start + finish


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if not isinstance(node, ast.Compare):
        return
    left_operand = node.left
    for op, right_operand in zip(node.ops, node.comparators, strict=True):
        text = _TEXT[type(op)]
        span = operator_span(site.module, left_operand, right_operand, text)
        if span is not None:
            yield from _other_operators(site, span, text, left_operand, right_operand)
        yield from _shifted(site, text, left_operand, right_operand)
        left_operand = right_operand
    yield from _swapped(site, node)
    if len(node.ops) > 1:
        yield from _chain(site, node)


def _other_operators(
    site: Site, span: Span, text: str, left_operand: ast.expr, right_operand: ast.expr
) -> Iterator[DraftEdit]:
    if text in _BOUNDARY:
        yield site.swap(span, _BOUNDARY[text], "comparison.boundary")
    if text in _NEGATION:
        yield site.swap(span, _NEGATION[text], "comparison.negate")
    has_constant = isinstance(right_operand, ast.Constant) or isinstance(left_operand, ast.Constant)
    for replacement in _OTHER[text]:
        if replacement in ("in", "not in") and isinstance(right_operand, ast.Constant):
            fits = isinstance(right_operand.value, str) and not isinstance(
                left_operand, ast.Constant
            )
        else:
            fits = True
        if not fits:
            continue
        identity = replacement in ("is", "is not")
        if (
            identity
            and has_constant
            and not (isinstance(right_operand, ast.Constant) and right_operand.value is None)
        ):
            continue
        if replacement in ("==", "!=") and isinstance(
            right_operand, (ast.Tuple, ast.List, ast.Set)
        ):
            continue
        yield site.swap(span, replacement, "comparison.operator")


def _shifted(
    site: Site, text: str, left_operand: ast.expr, right_operand: ast.expr
) -> Iterator[DraftEdit]:
    """Compare with a neighbour: `a < b` → `a + 1 < b`, `a < b - 1`."""
    if text not in ("<", "<=", ">", ">=", "==", "!="):
        return
    for side in (right_operand, left_operand):
        if isinstance(side, ast.Constant) or site.kind(side) not in ("", "number"):
            continue
        if site.kind(left_operand) not in ("", "number") or site.kind(right_operand) not in (
            "",
            "number",
        ):
            continue
        weight = 1.0 if text not in ("==", "!=") else 0.4
        for sign in ("+", "-"):
            shifted_text = f"{_operand(site, side)} {sign} 1"
            yield site.replace(side, shifted_text, "comparison.shift", weight=weight)


def _operand(site: Site, node: ast.expr) -> str:
    text = site.source(node)
    needs_parentheses = isinstance(
        node, (ast.IfExp, ast.BoolOp, ast.Compare, ast.Lambda, ast.NamedExpr)
    )
    return f"({text})" if needs_parentheses else text


def _swapped(site: Site, node: ast.Compare) -> Iterator[DraftEdit]:
    is_membership = isinstance(node.ops[0], (ast.In, ast.NotIn))
    if len(node.ops) != 1 or not is_membership or isinstance(node.left, ast.Constant):
        return
    left_span, right_span = site.module.span(node.left), site.module.span(node.comparators[0])
    texts = site.source(node.left), site.source(node.comparators[0])
    yield site.rewrite(
        ((*left_span, texts[1]), (*right_span, texts[0])),
        "comparison.swap",
        f"swap `{texts[0]}` and `{texts[1]}`",
    )


def _chain(site: Site, node: ast.Compare) -> Iterator[DraftEdit]:
    """Drop one end of a chained comparison: `0 < x < n` → `x < n`."""
    start = site.module.span(node)[0]
    first = site.module.text[start : site.module.span(node.comparators[-2])[1]]
    tail = site.module.text[site.module.span(node.comparators[0])[0] : site.module.span(node)[1]]
    for text in (first, tail):
        yield site.replace(node, text, "comparison.chain")
