"""Constants: numbers, truth values, None and empty values."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators.names import members_of
from agent.source.module import Module

_MAX_MEMBERS = 6
_EMPTY = ("None", "[]", "{}", "''", "()", "0", "False", "True")


@lru_cache(maxsize=256)
def numbers_in(root: ast.AST) -> Counter[float | int]:
    """The number literals below a node, with how often each stands there."""
    return Counter(
        node.value
        for node in ast.walk(root)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    )


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield site.replace(node, str(not value), "constant.truth")
            yield site.replace(node, "None", "constant.empty", weight=0.5)
        elif value is None:
            for rank, text in enumerate(_EMPTY[1:]):
                yield site.replace(node, text, "constant.empty", weight=1 / (1 + 0.2 * rank))
        elif isinstance(value, (int, float)):
            yield from _numbers(site, node, value)
        yield from _attributes(site, node)
    elif _is_empty(node):
        assert isinstance(node, ast.expr)
        for text in _EMPTY[:6]:
            if text != site.source(node):
                yield site.replace(
                    node, text, "constant.empty", weight=1.0 if text == "None" else 0.5
                )


def _attributes(site: Site, node: ast.Constant) -> Iterator[DraftEdit]:
    """A constant → an attribute of the instance."""
    parent = site.module.parent(node)
    if not isinstance(
        parent, (ast.Call, ast.Compare, ast.BinOp, ast.Return, ast.keyword, ast.Assign)
    ):
        return
    owner = site.module.class_of(site.statement)
    if owner is None or not site.own_name or isinstance(node.value, str):
        return
    own = [name for name, is_method in members_of(owner).items() if not is_method]
    for name in own[:_MAX_MEMBERS]:
        weight = 1.0 if name in site.context.names else 0.4
        text = f"{site.own_name}.{name}"
        yield site.replace(node, text, "constant.attribute", weight=weight, names=(name,))


def _is_empty(node: ast.AST) -> bool:
    if isinstance(node, (ast.List, ast.Tuple)):
        return not node.elts and isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Dict) and not node.keys


def _numbers(site: Site, node: ast.Constant, value: float | int) -> Iterator[DraftEdit]:
    negative = isinstance(site.module.parent(node), ast.UnaryOp)
    weights: dict[str, float] = {}
    for neighbour in (value + 1, value - 1):
        weights[_number(neighbour)] = 1.0
    for usual, weight in ((0, 0.6), (1, 0.6), (-1, 0.5), (2, 0.3)):
        weights.setdefault(_number(usual), weight)
    weights.setdefault(_number(-value), 0.4)
    if isinstance(value, int) and abs(value) > 1:
        weights.setdefault("None", 0.1)
    else:
        weights.setdefault("None", 0.3)
        weights.setdefault("True" if value else "False", 0.1)
    for number, weight in _nearby_numbers(site).items():
        weights.setdefault(_number(number), weight)
    for text, weight in weights.items():
        if text != site.source(node) and not (negative and not text[0].isdigit()):
            near_value = text in (_number(value + 1), _number(value - 1))
            operator = "constant.step" if near_value else "constant.number"
            yield site.replace(node, text, operator, weight=weight)


def _number(value: float | int) -> str:
    return repr(value)


@lru_cache(maxsize=256)
def _module_numbers(module: Module) -> tuple[float | int, ...]:
    return tuple(number for number, _ in numbers_in(module.tree).most_common(6))


def _nearby_numbers(site: Site) -> dict[float | int, float]:
    weights: dict[float | int, float] = {}
    if site.function is not None:
        for number in numbers_in(site.function):
            weights[number] = 0.4
    for number in site.context.message.numbers[:6]:
        weights.setdefault(number, 0.3)
    for number in site.context.test.numbers[:8]:
        weights.setdefault(number, 0.2)
    for number in _module_numbers(site.module):
        weights.setdefault(number, 0.1)
    return weights
