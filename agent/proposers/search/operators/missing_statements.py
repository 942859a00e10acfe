"""Statements that are missing: a value kept, something appended, `self.x = x`, a call of super."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from agent.proposers.search.ingredients.atoms import names_read
from agent.proposers.search.ingredients.scope import arguments_of
from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.names import likeness
from agent.proposers.search.operators.statements import insertion
from sandbox.syntax import AnyFunction

_GROWING = {"list": ("append", "extend"), "set": ("add",), "dict": ()}


@lru_cache(maxsize=512)
def methods_used(function: AnyFunction) -> dict[str, Counter[str]]:
    """Name → methods the function calls on it as a statement or in an expression."""
    methods: dict[str, Counter[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = node.func.value
            if isinstance(holder, ast.Name):
                methods.setdefault(holder.id, Counter())[node.func.attr] += 1
    return methods


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if not isinstance(node, ast.stmt) or site.function is None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _initialised(site, node)
        return
    weights = _offered(site, node, site.function)
    weighted_texts = sorted(weights.items(), key=lambda pair: -pair[1])[:14]
    exits = isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))
    header = site.module.text[site.module.span(node)[0] :][:4] == "elif"
    for text, weight in weighted_texts:
        for after in (True, False):
            if (after and exits) or header:
                continue
            change = insertion(site, node, [text], after=after)
            if change:
                note = f"add `{brief(text)}` {'behind' if after else 'before'} line {node.lineno}"
                yield site.rewrite([change], "statement.missing", note, weight=weight)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from _initialised(site, node)
    yield from _ended(site, node)


def _offered(site: Site, node: ast.stmt, function: AnyFunction) -> dict[str, float]:
    """Statements that may be missing beside this one: text → weight."""
    weights: dict[str, float] = {}
    scope = site.scope
    nearby = [n for n in names_read(node) if n in scope.variables and n != site.own_name]
    nearby += [n for n in _targets(node) if n not in nearby]
    position = site.module.place(node)
    if position is not None:
        for neighbour in position.block[max(0, position.index - 2) : position.index + 2]:
            nearby += [n for n in names_read(neighbour) if n in scope.variables and n not in nearby]
    values = [name for name in nearby if name != site.own_name][:6]
    visible = [n for n in scope.bound_before(site.line) if n != site.own_name]
    methods = methods_used(function)
    for holder in visible:
        growing_methods = list(_GROWING.get(scope.kinds.get(holder, ""), ()))
        growing_methods += [
            m for m in methods.get(holder, ()) if m in ("append", "add", "update", "extend")
        ]
        for method in dict.fromkeys(growing_methods):
            for value in values:
                if value != holder:
                    weights[f"{holder}.{method}({value})"] = 1.0
        for method in ("pop", "close", "clear"):
            if method in methods.get(holder, ()):
                weights[f"{holder}.{method}()"] = 0.4
    for target in scope.locals[:8]:
        if target in visible or target in nearby:
            for value in values:
                if value != target and _same_kind(site, target, value):
                    weights[f"{target} = {value}"] = 0.5 + 0.5 * likeness(target, value)
            if scope.kinds.get(target) == "number":
                weights[f"{target} += 1"] = 0.7
                weights[f"{target} -= 1"] = 0.6
    return weights


def _same_kind(site: Site, first: str, second: str) -> bool:
    kinds = site.scope.kinds.get(first, ""), site.scope.kinds.get(second, "")
    return "" in kinds or kinds[0] == kinds[1]


def _targets(node: ast.stmt) -> list[str]:
    return [
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]


def _ended(site: Site, node: ast.stmt) -> Iterator[DraftEdit]:
    """A `return name` at the end of a function that gives nothing there."""
    function = site.function
    assert function is not None
    if function.body[-1] is not node or isinstance(node, (ast.Return, ast.Raise)):
        return
    names = [n for n in site.scope.locals if n in site.scope.first_lines]
    for rank, name in enumerate(reversed(names[-6:])):
        change = insertion(site, node, [f"return {name}"], after=True)
        if change:
            weight = 1 / (1 + rank)
            yield site.rewrite([change], "return.add", f"add `return {name}`", weight=weight)


def _initialised(site: Site, node: AnyFunction) -> Iterator[DraftEdit]:
    """In a constructor: `self.x = x` for a parameter not kept, `super().__init__()`."""
    if node.name != "__init__" or not node.body:
        return
    own_name = node.args.args[0].arg if node.args.args else ""
    attributes = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    last = node.body[-1]
    inner = Site(module=site.module, context=site.context, statement=last, node=last)
    for item in arguments_of(node)[1:]:
        if own_name and item.arg not in attributes:
            text = f"{own_name}.{item.arg} = {item.arg}"
            change = insertion(inner, last, [text], after=True)
            if change:
                yield site.rewrite([change], "statement.missing", f"add `{text}`", weight=2.0)
    if "__init__" not in attributes:
        change = insertion(inner, node.body[0], ["super().__init__()"], after=False)
        if change:
            yield site.rewrite([change], "statement.missing", "add `super().__init__()`")
