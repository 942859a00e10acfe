"""Subscripts, slices and ranges: bounds off by one, dropped, added; steps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.Subscript) and not _is_annotation(site, node):
        if isinstance(node.slice, ast.Slice):
            yield from _slice(site, node, node.slice)
        elif not isinstance(node.slice, ast.Tuple):
            yield from _index(site, node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "range" and not node.keywords:
            yield from _range(site, node)
        elif node.func.id == "enumerate" and len(node.args) == 1 and not node.keywords:
            end = site.module.span(node.args[0])[1]
            yield site.swap((end, end), ", 1", "range.start")


def _is_annotation(site: Site, node: ast.AST) -> bool:
    child = node
    for ancestor in site.module.ancestors(node):
        if isinstance(ancestor, ast.arg) or getattr(ancestor, "annotation", None) is child:
            return True
        if getattr(ancestor, "returns", None) is child:
            return True
        if isinstance(ancestor, ast.stmt):
            return False
        child = ancestor
    return False


def shifted(site: Site, node: ast.expr, by: int) -> str:
    """The text of an expression plus or minus one, simplified where it is evident."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return repr(value + by)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return repr(-value + by)
        case ast.BinOp(left=operand, op=ast.Sub(), right=ast.Constant(value=1)) if by == 1:
            return site.source(operand)
        case ast.BinOp(left=operand, op=ast.Add(), right=ast.Constant(value=1)) if by == -1:
            return site.source(operand)
    text = site.source(node)
    needs_parentheses = isinstance(
        node, (ast.IfExp, ast.BoolOp, ast.Compare, ast.Lambda, ast.NamedExpr)
    )
    text = f"({text})" if needs_parentheses else text
    return f"{text} + 1" if by == 1 else f"{text} - 1"


def _index(site: Site, node: ast.Subscript) -> Iterator[DraftEdit]:
    index = node.slice
    number = site.kind(index) in ("", "number")
    if isinstance(index, ast.Constant) and not isinstance(index.value, int):
        number = False
    is_target = isinstance(node.ctx, ast.Store)
    if number:
        for by in (1, -1):
            yield site.replace(index, shifted(site, index, by), "index.step")
        for text, weight in (("0", 0.5), ("-1", 0.7)):
            if site.source(index) != text:
                yield site.replace(index, text, "index.end", weight=weight)
        if not isinstance(index, (ast.Constant, ast.UnaryOp)):
            yield site.replace(index, f"-{site.source(index)}", "index.negate")
        yield site.replace(index, f"{site.source(index)}:", "index.slice")
        yield site.replace(index, f":{site.source(index)}", "index.slice")
    if not is_target:
        yield site.replace(node, site.source(node.value), "index.drop")


def _slice(site: Site, node: ast.Subscript, index: ast.Slice) -> Iterator[DraftEdit]:
    parts = [index.lower, index.upper, index.step]
    texts = ["" if part is None else site.source(part) for part in parts]

    def with_bound(position: int, text: str) -> str:
        bounds = [*texts[:position], text, *texts[position + 1 :]]
        return f"{bounds[0]}:{bounds[1]}" + (f":{bounds[2]}" if bounds[2] else "")

    for position in (0, 1):
        bound = parts[position]
        if bound is not None:
            for by in (1, -1):
                text = with_bound(position, shifted(site, bound, by))
                yield site.replace(index, text, "slice.step")
            yield site.replace(index, with_bound(position, ""), "slice.drop")
            if isinstance(bound, ast.Constant | ast.UnaryOp) or texts[position].isidentifier():
                minus = (
                    texts[position][1:]
                    if texts[position].startswith("-")
                    else f"-{texts[position]}"
                )
                yield site.replace(index, with_bound(position, minus), "slice.negate")
        else:
            for text in ("1",) if position == 0 else ("-1",):
                yield site.replace(index, with_bound(position, text), "slice.bound")
    usual = {("", "-1"): "1:", ("1", ""): ":-1", ("", "1"): "1:", ("-1", ""): ":-1"}
    mirrored_slice = usual.get((texts[0], texts[1]))
    if mirrored_slice and not texts[2]:
        yield site.replace(index, mirrored_slice, "slice.move")
    if texts[0] != texts[1]:
        swapped_slice = f"{texts[1]}:{texts[0]}" + (f":{texts[2]}" if texts[2] else "")
        yield site.replace(index, swapped_slice, "slice.move")
    if not texts[2]:
        yield site.replace(index, f"{texts[0]}:{texts[1]}:-1", "slice.reverse")
    else:
        yield site.replace(index, f"{texts[0]}:{texts[1]}", "slice.reverse")
    if isinstance(node.ctx, ast.Load):
        yield site.replace(node, site.source(node.value), "index.drop")


def _range(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    args = node.args
    if any(isinstance(arg, ast.Starred) for arg in args) or not args:
        return
    for position, arg in enumerate(args[:2]):
        for by in (1, -1):
            yield site.replace(
                arg, shifted(site, arg, by), "range.step", weight=1.2 - 0.2 * position
            )
    start = site.module.span(args[0])[0]
    if len(args) == 1:
        yield site.swap((start, start), "1, ", "range.start")
        last = site.source(args[0])
        yield site.replace(args[0], f"{last} - 1, -1, -1", "range.reverse")
        if _is_length(args[0]):
            inner = site.source(args[0].args[0])  # type: ignore[attr-defined]
            yield site.replace(node, inner, "range.sequence")
            yield site.replace(node, f"enumerate({inner})", "range.sequence", weight=0.4)
    elif len(args) == 2:
        yield site.swap((start, site.module.span(args[1])[0]), "", "range.start")
        end = site.module.span(args[1])[1]
        yield site.swap((end, end), ", 2", "range.by", weight=0.3)
        yield site.swap((end, end), ", -1", "range.by")


def _is_length(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "len"
        and len(node.args) == 1
    )
