"""Values made from values: joined with a name, kept at an extreme, chosen by a condition."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.atoms import atoms, names_read
from agent.proposers.search.ingredients.scope import BUILTINS, kind_of
from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators.names import is_callee, likeness
from sandbox.syntax import parse_expression

_VALUES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.BinOp)


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr)):
        yield from _stored(site, node)
    if not isinstance(node, ast.expr) or not _is_value(site, node):
        return
    yield from _by_name(site, node)
    yield from _joined(site, node)
    yield from _sliced(site, node)
    yield from _chosen(site, node)
    yield from _decided(site, node)


def _is_value(site: Site, node: ast.expr) -> bool:
    if isinstance(getattr(node, "ctx", ast.Load()), (ast.Store, ast.Del)) or is_callee(site, node):
        return False
    if isinstance(node, ast.Name) and (node.id in (site.own_name, *site.scope.modules)):
        return False
    parent = site.module.parent(node)
    if isinstance(parent, (ast.JoinedStr, ast.Expr, ast.arg, ast.ExceptHandler, ast.ClassDef)):
        return False
    return not (isinstance(parent, ast.Call) and _type_test(parent) and node is not parent.args[0])


def _type_test(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")


def _near_names(site: Site, node: ast.AST, count: int) -> list[tuple[str, float]]:
    """Variables in scope, those bound or read near the statement first."""
    scope = site.scope
    used_names = set(names_read(node))
    line = site.line
    ranked_names = []
    for name in scope.bound_before(line):
        if name == site.own_name or name in used_names or scope.kinds.get(name) == "function":
            continue
        distance = abs(line - scope.first_lines.get(name, line - 8))
        bonus = 0.5 if not scope.uses.get(name) else 0.0
        ranked_names.append((name, 1.0 / (1 + distance / 10) + bonus))
    ranked_names.sort(key=lambda pair: -pair[1])
    return ranked_names[:count]


def _by_name(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    """An expression or a literal → a variable."""
    if isinstance(node, ast.Name) or not isinstance(node, (*_VALUES, ast.Constant)):
        return
    if isinstance(node, ast.Attribute) and isinstance(site.module.parent(node), ast.Attribute):
        return
    expected_kind, text = site.kind(node), site.source(node).replace(".", "_")
    for name, weight in _near_names(site, ast.Pass(), 12):
        kind = site.scope.kinds.get(name, "")
        if expected_kind and kind and kind != expected_kind:
            continue
        name_weight = 1.5 * likeness(name, text) if len(text) < 40 else 0.0
        yield site.replace(node, name, "value.name", weight=weight + name_weight, names=(name,))


def _joined(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    """`e` → `e + name`, `e - name`, `name + e`; `e ** 2`, `e * 2`, `e // 2`."""
    parent = site.module.parent(node)
    is_operand = isinstance(
        parent,
        (
            ast.Return,
            ast.Assign,
            ast.AugAssign,
            ast.Call,
            ast.keyword,
            ast.Compare,
            ast.Subscript,
            ast.Slice,
        ),
    )
    if not is_operand or not isinstance(node, (*_VALUES, ast.List, ast.ListComp)):
        return
    kind = site.kind(node)
    if kind in ("truth", "dict", "function"):
        return
    text = site.source(node)
    for name, weight in _near_names(site, node, 6):
        name_kind = site.scope.kinds.get(name, "")
        if kind and name_kind and kind != name_kind:
            continue
        forms = ("{0} - {1}", "{0} + {1}") if "number" in (kind, name_kind) or not kind else ()
        if kind in ("list", "text", "tuple"):
            forms = ("{1} + {0}", "{0} + {1}")
        for form in forms:
            yield site.replace(
                node,
                form.format(_loose(node, text), name),
                "value.join",
                weight=weight,
                names=(name,),
            )
    if kind in ("", "number") and isinstance(node, (ast.Name, ast.Call, ast.Attribute)):
        for form, weight in (("{} ** 2", 0.4), ("{} * 2", 0.3), ("{} // 2", 0.3)):
            yield site.replace(node, form.format(text), "value.join", weight=weight)


def _loose(node: ast.expr, text: str) -> str:
    low = isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Sub, ast.Mult))
    return f"({text})" if low else text


def _sliced(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    """`xs` → `xs[i]`, `xs[i:]`, `xs[:i]`, `xs[1:]`, `xs[:-1]`."""
    if not isinstance(node, (ast.Name, ast.Attribute)) or site.kind(node) in (
        "number",
        "truth",
        "function",
    ):
        return
    parent = site.module.parent(node)
    if isinstance(
        parent, (ast.Attribute, ast.If, ast.While, ast.BoolOp, ast.UnaryOp, ast.Subscript)
    ):
        return
    text = site.source(node)
    if isinstance(node, ast.Name) and (node.id in BUILTINS or node.id in site.scope.globals):
        return
    for bound in ("1:", ":-1"):
        yield site.replace(node, f"{text}[{bound}]", "value.slice", weight=0.6)
    for name, weight in _near_names(site, node, 6):
        kind = site.scope.kinds.get(name, "")
        if kind in ("", "number"):
            number = 1.5 if kind == "number" or len(name) <= 3 else 1.0
            for form, share in (("{}[{}]", 1.0), ("{}[{}:]", 0.6), ("{}[:{}]", 0.6)):
                new = form.format(text, name)
                yield site.replace(node, new, "value.slice", weight=weight * number * share)


def _chosen(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    """`e` → `e if condition else None`, `e or default`, `other if other is not None else e`."""
    parent = site.module.parent(node)
    if not isinstance(parent, (ast.Return, ast.Assign, ast.keyword, ast.Call, ast.AnnAssign)):
        return
    if not isinstance(node, _VALUES) or (isinstance(parent, ast.Call) and node is parent.func):
        return
    text = site.source(node)
    for default, weight in (("None", 0.3), ("[]", 0.5), ("{}", 0.5), ("''", 0.5), ("0", 0.4)):
        if site.kind(node) in ("", kind_of(parse_expression(default))):
            yield site.replace(node, f"{text} or {default}", "value.default", weight=weight)
    for name, weight in _near_names(site, node, 5):
        yield site.replace(
            node, f"{text} or {name}", "value.default", weight=0.5 * weight, names=(name,)
        )
        yield site.replace(
            node, f"{text} if {name} else None", "value.choose", weight=weight, names=(name,)
        )
        yield site.replace(
            node,
            f"{text} if {name} is None else {name}",
            "value.choose",
            weight=0.7 * weight,
            names=(name,),
        )


def _decided(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    """`return True` → `return n == 0`; `while True` → `while queue`; `if a` → `if b`."""
    parent = site.module.parent(node)
    test = isinstance(parent, (ast.If, ast.While)) and node is parent.test
    constant = isinstance(node, ast.Constant) and isinstance(node.value, bool)
    if not test and not (constant and isinstance(parent, (ast.Return, ast.Assign))):
        return
    about = names_read(parent)  # type: ignore[arg-type]
    about += [name for name, _ in _near_names(site, node, 6) if name not in about]
    for atom, weight in atoms(site, about)[:16]:
        yield site.replace(node, atom, "condition.replace", weight=weight)


def _stored(site: Site, node: ast.Assign | ast.AugAssign | ast.Expr) -> Iterator[DraftEdit]:
    """How a value is kept: `x = e` → `x = max(x, e)`; `x[i] = e` → `x.append(e)`."""
    statement = site.module.span(node)

    def instead(text: str, weight: float, operator: str = "value.store") -> DraftEdit:
        return site.swap(statement, text, operator, weight=weight)

    if isinstance(node, ast.Expr):
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and len(call.args) == 1
        ):
            holder, value = site.source(call.func.value), site.source(call.args[0])
            yield instead(f"{holder} = {value}", 1.0)
            yield instead(f"{holder} += {value}", 0.4)
        if isinstance(call, (ast.Call, ast.Compare, ast.BinOp, ast.Name, ast.Attribute)):
            yield instead(f"return {site.source(call)}", 1.0, "return.add")
            if isinstance(call, ast.Call):
                yield instead(f"yield {site.source(call)}", 0.3, "return.add")
                yield instead(f"yield from {site.source(call)}", 0.5, "return.add")
        return
    target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
    if isinstance(node, ast.Assign) and len(node.targets) != 1:
        return
    name, value = site.source(target), site.source(node.value)
    if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Assign):
            if site.kind(node.value) in ("", "number"):
                for extreme in ("max", "min"):
                    yield instead(f"{name} = {extreme}({name}, {value})", 1.0, "value.extreme")
                    yield instead(f"{name} = {extreme}(0, {value})", 0.7, "value.extreme")
            yield instead(f"{name} += {value}", 0.6)
            yield instead(f"{name} = {name} or {value}", 0.4)
        if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            holder = site.source(target.value)
            yield instead(f"{holder}.append({value})", 0.7)
            yield instead(f"{holder}.setdefault({site.source(target.slice)}, {value})", 0.5)
