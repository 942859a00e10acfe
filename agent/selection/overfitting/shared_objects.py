"""Objects that outlive a call and that a function changes under a local name.

`settings = os.environ` and then `settings.update(…)` changes everybody's environment, where
`os.environ.copy()` changed a copy. A test that looks at the local name alone sees no difference.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_CHANGING = frozenset(
    ["add", "append", "appendleft", "clear", "difference_update", "discard", "extend",
     "extendleft", "insert", "intersection_update", "move_to_end", "pop", "popitem", "popleft",
     "remove", "reverse", "rotate", "setdefault", "sort", "symmetric_difference_update", "update"]
)  # fmt: skip
"""Methods by which lists, sets, mappings and deques change themselves."""

_PLAIN = (ast.Attribute, ast.Name, ast.Subscript, ast.Constant, ast.Load)
"""What a chain of names, attributes and items is made of. A slice is a copy."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def changed_shared_objects(tree: ast.Module) -> dict[tuple[str, str], str]:
    """(function, local name) → the source of what the name is bound to, for names that a function
    binds to an object from elsewhere as it is, and changes in place."""
    return {
        (function.name, name): source
        for function in ast.walk(tree)
        if isinstance(function, _Function)
        for name, source in _shared(function).items()
    }


def _shared(function: _Function) -> dict[str, str]:
    own = list(_own_nodes(function))
    bound: dict[str, str] = {}
    local_names = {
        node.id for node in own if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for node in own:
        for name, value in _bindings(node):
            source = next((s for s in _aliases(value) if _root(s) not in local_names - {name}), "")
            if source:
                bound[name] = source
    changed = {name for node in own for name in _changed_names(node)}
    return {name: source for name, source in bound.items() if name in changed}


def _own_nodes(function: _Function) -> Iterator[ast.AST]:
    """Without those of inner functions and classes, whose names are others."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    targets: list[ast.expr]
    value: ast.expr | None
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        targets, value = [node.target], node.value
    else:
        return
    for target in targets:
        if value is not None and isinstance(target, ast.Name):
            yield target.id, value


def _aliases(value: ast.expr) -> Iterator[str]:
    """Sources of what an expression may hand on as it is."""
    if isinstance(value, ast.BoolOp):
        for operand in value.values:
            yield from _aliases(operand)
    elif isinstance(value, ast.IfExp):
        yield from _aliases(value.body)
        yield from _aliases(value.orelse)
    elif isinstance(value, ast.NamedExpr):
        yield from _aliases(value.value)
    elif not isinstance(value, ast.Constant) and _is_plain(value):
        yield ast.unparse(value)


def _is_plain(value: ast.expr) -> bool:
    return all(isinstance(node, _PLAIN) for node in ast.walk(value))


def _root(source: str) -> str:
    return source.partition(".")[0].partition("[")[0]


def _changed_names(node: ast.AST) -> Iterator[str]:
    """Local names whose object this statement or call changes."""
    changed: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _CHANGING:
            changed.append(node.func.value)
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        changed.append(node.value)
    for expression in changed:
        if isinstance(expression, ast.Name):
            yield expression.id
