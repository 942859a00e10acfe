"""Boolean structure: and/or, not, conjuncts dropped, ternaries, forced conditions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators.comparison import operator_span


def is_condition(site: Site, node: ast.AST) -> bool:
    """Whether an expression is tested for truth at this place."""
    parent = site.module.parent(node)
    if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return node is parent.test
    if isinstance(parent, ast.comprehension):
        return node in parent.ifs
    return isinstance(parent, ast.BoolOp) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.BoolOp):
        yield from _connective(site, node)
    elif isinstance(node, ast.IfExp):
        yield from _ternary(site, node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield site.replace(node, site.source(node.operand), "condition.unnegate")
    if isinstance(node, ast.expr) and is_condition(site, node):
        yield from _negated(site, node)


def _connective(site: Site, node: ast.BoolOp) -> Iterator[DraftEdit]:
    text, replacement = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    values = node.values
    changes = []
    for operand, next_operand in pairwise(values):
        span = operator_span(site.module, operand, next_operand, text)
        if span is None:
            break
        changes.append((*span, replacement))
    else:
        parent = site.module.parent(node)
        needs = isinstance(parent, ast.BoolOp) and replacement == "or"
        start, end = site.module.span(node)
        parentheses = [(start, start, "("), (end, end, ")")] if needs else []
        yield site.rewrite(
            [*changes, *parentheses], "boolean.operator", f"`{text}` → `{replacement}`"
        )
        if len(changes) > 1:
            for change in changes:
                yield site.rewrite(
                    [change], "boolean.operator", f"one `{text}` → `{replacement}`", weight=0.5
                )
    weight = 1.0 if is_condition(site, node) else 0.7
    for index in range(len(values)):
        shorter = f" {text} ".join(_grouped(site, values, index))
        yield site.replace(node, shorter, "condition.drop", weight=weight)


def _grouped(site: Site, values: list[ast.expr], skipped_index: int) -> list[str]:
    """Sources of the operands but one, each with the parentheses it needs beside others."""
    operands = [value for index, value in enumerate(values) if index != skipped_index]
    if len(operands) == 1:
        return [site.source(operands[0])]
    loose_types = (ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)
    return [
        f"({site.source(v)})" if isinstance(v, loose_types) else site.source(v) for v in operands
    ]


def _ternary(site: Site, node: ast.IfExp) -> Iterator[DraftEdit]:
    body, orelse = site.module.span(node.body), site.module.span(node.orelse)
    yield site.rewrite(
        ((*body, site.source(node.orelse)), (*orelse, site.source(node.body))),
        "condition.ternary",
        "swap the branches of the conditional expression",
    )
    for branch in (node.body, node.orelse):
        yield site.replace(node, site.source(branch), "condition.ternary")


def _negated(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    simple = isinstance(node, ast.Compare) and len(node.ops) == 1
    if not simple and not (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        text = site.source(node)
        needs_parentheses = isinstance(node, (ast.BoolOp, ast.IfExp, ast.NamedExpr, ast.Lambda))
        yield site.replace(
            node, f"not ({text})" if needs_parentheses else f"not {text}", "condition.negate"
        )


def force(site: Site) -> Iterator[DraftEdit]:
    """Conditions made constant: probes that tell whether a condition matters at all."""
    node = site.node
    parent = site.module.parent(node)
    if not isinstance(node, ast.expr) or not isinstance(parent, (ast.If, ast.While, ast.IfExp)):
        return
    if node is parent.test and not isinstance(node, ast.Constant):
        for value in ("True", "False"):
            if not (isinstance(parent, ast.While) and value == "True"):
                yield site.replace(node, value, "condition.force")
