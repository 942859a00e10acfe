"""Names and attributes: another variable, another attribute, `self.x` ↔ `x`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from agent.proposers.search.ingredients.scope import BUILTINS
from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.source.module import Module

_MAX_NAMES = 14
_MAX_ATTRIBUTES = 8


@lru_cache(maxsize=100_000)
def likeness(first: str, second: str) -> float:
    """How alike two names are spelled, 0..1."""
    return SequenceMatcher(None, first.lower(), second.lower(), autojunk=False).ratio()


@lru_cache(maxsize=256)
def attributes_of(module: Module) -> dict[str, Counter[str]]:
    """Receiver text → attributes used on it, for receivers that are plain names."""
    attributes: dict[str, Counter[str]] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.setdefault(node.value.id, Counter())[node.attr] += 1
    return attributes


@lru_cache(maxsize=512)
def members_of(owner: ast.ClassDef) -> dict[str, bool]:
    """Attributes and methods a class defines on itself; True for methods."""
    members: dict[str, bool] = {}
    for node in owner.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            is_property = any(
                isinstance(d, ast.Name) and "property" in d.id for d in node.decorator_list
            )
            members[node.name] = not is_property
        elif isinstance(node, ast.Assign):
            members.update({t.id: False for t in node.targets if isinstance(t, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            members[node.target.id] = False
    for inner in ast.walk(owner):
        if (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and isinstance(inner.value, ast.Name)
            and inner.value.id == "self"
        ):
            members.setdefault(inner.attr, False)
    return members


def is_callee(site: Site, node: ast.AST) -> bool:
    parent = site.module.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.Name) and not is_callee(site, node):
        if isinstance(node.ctx, ast.Load):
            yield from _variable(site, node)
            yield from _qualified(site, node)
        elif isinstance(node.ctx, ast.Store):
            yield from _target(site, node)
    elif isinstance(node, ast.Attribute):
        yield from _attribute(site, node)


def ranked_names(site: Site, old: str, line: int) -> list[tuple[str, float]]:
    """Variables that may stand in the place of `old`, with weights, likeliest first."""
    scope = site.scope
    kind = scope.kinds.get(old, "")
    order = {name: index for index, name in enumerate(scope.bound_before(line + 1))}
    weighted_names: list[tuple[str, float]] = []
    for name in order:
        if name == old or name == site.own_name:
            continue
        weight = 1.0 + 1.5 * likeness(old, name)
        name_kind = scope.kinds.get(name, "")
        if kind and name_kind:
            weight *= 1.5 if kind == name_kind else 0.4
        distance = abs(line - scope.first_lines.get(name, line - 12))
        weighted_names.append((name, weight * (1.0 + 1.0 / (1.0 + distance / 4))))
    if site.function is None or old in scope.globals:
        for name in scope.globals:
            name_likeness = likeness(old, name)
            same_role = (name in scope.functions) == (old in scope.functions)
            if (
                name != old
                and same_role
                and (name_likeness > 0.4 or name[:1].isupper() == old[:1].isupper())
            ):
                weighted_names.append((name, 0.4 + 1.5 * name_likeness))
    weighted_names.sort(key=lambda pair: -pair[1])
    return weighted_names[:_MAX_NAMES]


def _variable(site: Site, node: ast.Name) -> Iterator[DraftEdit]:
    if node.id in BUILTINS and node.id not in site.scope.variables:
        return
    if node.id == site.own_name:
        return
    for name, weight in ranked_names(site, node.id, node.lineno):
        yield site.replace(node, name, "name.variable", weight=weight, names=(name,))


def _target(site: Site, node: ast.Name) -> Iterator[DraftEdit]:
    for name, weight in ranked_names(site, node.id, node.lineno)[:6]:
        yield site.replace(node, name, "name.target", weight=weight, names=(name,))


def _qualified(site: Site, node: ast.Name) -> Iterator[DraftEdit]:
    """`x` → `self.x`, `x` → `x.attribute` where such an attribute is used in the module."""
    own_name = site.own_name
    owner = site.module.class_of(site.statement)
    if own_name and owner is not None and node.id != own_name:
        members = members_of(owner)
        for name in members:
            if name == node.id or (not members[name] and likeness(name, node.id) > 0.7):
                weight = 3.0 if name == node.id else 1.0
                yield site.replace(
                    node, f"{own_name}.{name}", "name.own", weight=weight, names=(name,)
                )
    if isinstance(site.module.parent(node), ast.Attribute):
        return
    attributes = attributes_of(site.module).get(node.id, Counter())
    for attribute, count in attributes.most_common(4):
        weight = 1.0 + min(count, 5) / 5
        text = f"{node.id}.{attribute}"
        yield site.replace(node, text, "name.attribute", weight=weight, names=(attribute,))


def _attribute(site: Site, node: ast.Attribute) -> Iterator[DraftEdit]:
    callee = is_callee(site, node)
    if isinstance(node.ctx, ast.Load) and not callee:
        yield site.replace(node, site.source(node.value), "attribute.drop")
        scope = site.scope
        if node.attr in scope.variables:
            yield site.replace(node, node.attr, "name.local", weight=2.0, names=(node.attr,))
        flat = f"{site.source(node.value)}_{node.attr}"
        if flat in scope.variables:
            yield site.replace(node, flat, "name.local", weight=2.0, names=(flat,))
    if callee:
        return
    for name, weight in _other_attributes(site, node):
        yield site.swap(_attribute_span(site, node), name, "attribute.other", weight=weight)


def _attribute_span(site: Site, node: ast.Attribute) -> tuple[int, int]:
    end = site.module.span(node)[1]
    return end - len(node.attr), end


def _other_attributes(site: Site, node: ast.Attribute) -> list[tuple[str, float]]:
    candidates: dict[str, float] = {}
    receiver = node.value
    owner = site.module.class_of(site.statement)
    if isinstance(receiver, ast.Name):
        if receiver.id == site.own_name and owner is not None:
            for name, method in members_of(owner).items():
                candidates[name] = 0.3 if method else 1.0
        for name, count in attributes_of(site.module).get(receiver.id, Counter()).items():
            candidates[name] = max(candidates.get(name, 0.0), 0.6 + min(count, 5) / 10)
    if len(candidates) < _MAX_ATTRIBUTES:
        for name in site.context.attribute_counts:
            if likeness(name, node.attr) > 0.6:
                candidates.setdefault(name, 0.3)
    candidates.pop(node.attr, None)
    scored_names = [(n, w * (0.5 + 2 * likeness(n, node.attr))) for n, w in candidates.items()]
    scored_names.sort(key=lambda pair: -pair[1])
    return scored_names[:_MAX_ATTRIBUTES]
