"""Small conditions over the names that a place reads."""

from __future__ import annotations

import ast
from collections import Counter
from functools import lru_cache

from agent.proposers.search.ingredients.site import Site
from agent.source.module import Module
from sandbox.syntax import AnyFunction

_ACTS = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_TYPES = ("str", "bytes", "int", "float", "bool", "list", "tuple", "set", "frozenset", "dict")


def names_read(node: ast.AST) -> list[str]:
    """Variables a statement reads, in order, each once."""
    names: dict[str, None] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            names[inner.id] = None
    return list(names)


@lru_cache(maxsize=256)
def _function_conditions(function: AnyFunction) -> list[ast.expr]:
    """Conditions of the function, with the operands of and/or one by one. Those that bind, wait
    or yield are left out: asked again they do it again."""
    conditions: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        test = getattr(node, "test", None)
        if isinstance(test, ast.expr):
            operands = test.values if isinstance(test, ast.BoolOp) else ()
            for condition in (test, *operands):
                if not any(isinstance(inner, _ACTS) for inner in ast.walk(condition)):
                    conditions.setdefault(ast.dump(condition), condition)
    return list(conditions.values())


def atoms(site: Site, about: list[str]) -> list[tuple[str, float]]:
    """Small conditions over the names a place reads, likeliest first."""
    scope = site.scope
    # The targets of a loop are bound by it, and no condition before it can read them.
    variables = set(scope.bound_before(site.line - 1))
    names = [name for name in about if name in variables and name != site.own_name]
    weights: dict[str, float] = {}
    for name in names[:5]:
        kind = scope.kinds.get(name, "")
        weights[name] = 1.0
        weights[f"not {name}"] = 1.0
        if kind in ("", "function"):
            weights[f"{name} is not None"] = 1.0
            weights[f"{name} is None"] = 0.9
        if kind == "number":
            for text, weight in (("> 0", 0.8), ("< 0", 0.8), ("== 0", 0.7), ("== 1", 0.4)):
                weights[f"{name} {text}"] = weight
        elif not kind:
            negative = any(number < 0 for number in site.context.numbers)
            weights[f"{name} < 0"] = 0.95 if negative else 0.3
            weights[f"{name} == 0"] = 0.3
    for name in names[:4]:
        if scope.kinds.get(name) in ("list", "dict", "set", "text"):
            weights[f"len({name}) == 1"] = 0.2
    for attribute, weight in _attributes(site, about):
        weights.setdefault(attribute, weight)
        weights.setdefault(f"not {attribute}", weight)
    for kind, weight in _kinds_told(site):
        for name in names[:2]:
            weights.setdefault(f"isinstance({name}, {kind})", weight)
            weights.setdefault(f"not isinstance({name}, {kind})", weight)
    if site.function is not None:
        for condition in _function_conditions(site.function):
            text = site.one_line(condition)
            if len(text) < 60 and set(names_read(condition)) <= variables | set(scope.globals):
                weights.setdefault(text, 0.7)
    for first in names[:3]:
        for second in names[:3]:
            if first != second:
                weights.setdefault(f"{first} in {second}", 0.15)
                weights.setdefault(f"{first} == {second}", 0.25)
                if scope.kinds.get(first) == scope.kinds.get(second) == "number":
                    weights.setdefault(f"{first} < {second}", 0.4)
    return sorted(weights.items(), key=lambda pair: -pair[1])


def _attributes(site: Site, about: list[str]) -> list[tuple[str, float]]:
    """Attributes that the statement reads of these variables: those that its condition reads, then
    those of the instance."""
    own_name = site.own_name
    holders = set(about) & {own_name, *site.scope.bound_before(site.line - 1)}
    tested = set(ast.walk(getattr(site.statement, "test", None) or ast.Pass()))
    weights: dict[str, float] = {}
    for node in ast.walk(site.statement):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and node.value.id in holders
            and not isinstance(site.module.parent(node), ast.Call)
        ):
            usual = 0.6 if node.value.id == own_name else 0.5
            weights.setdefault(f"{node.value.id}.{node.attr}", 0.95 if node in tested else usual)
    return sorted(weights.items(), key=lambda pair: -pair[1])[:3]


def _kinds_told(site: Site) -> list[tuple[str, float]]:
    """Types that the failing tests or their failure name, those that the module asks for first."""
    asked = types_asked(site.module)
    known = [name for name in asked if name.rpartition(".")[2] in site.context.names]
    told = [name for name in _TYPES if name in site.context.names and name not in known]
    return [(name, 0.8) for name in known[:2]] + [(name, 0.5) for name in told[:2]]


@lru_cache(maxsize=128)
def types_asked(module: Module) -> tuple[str, ...]:
    """Types that the module's `isinstance` ask for, the most frequent first."""
    counts: Counter[str] = Counter()
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Tuple(elts=kinds)]):
                counts.update(map(module.source, kinds))
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kind]):
                counts[module.source(kind)] += 1
    return tuple(text for text, _ in counts.most_common() if len(text) < 40)
