"""What `setup.py` and `noxfile.py` say in literals. They are parsed, never executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

_UNKNOWN = object()
_EXTRAS = r"\[[\w,\s.-]+\]"
MAX_JOINED_ITEMS = 64 * 1024
"""Characters, or items, of what `+` makes: a name that is added to itself doubles each time."""


def setup_arguments(module: ast.Module) -> Mapping[str, Any]:
    """Return the keyword arguments of `setup(…)` that are literals, names followed."""
    names = _assigned_literals(module)
    arguments: dict[str, Any] = {}
    for call in _calls(module):
        if _called(call) != "setup":
            continue
        for keyword in call.keywords:
            if keyword.arg is not None:
                arguments[keyword.arg] = _literal(keyword.value, names)
            else:
                arguments.update(_expanded(keyword.value, names))
    return {name: value for name, value in arguments.items() if value is not _UNKNOWN}


def literal(node: ast.expr) -> Any:
    """Return the value of a literal; None for anything else."""
    value = _literal(node, {})
    return None if value is _UNKNOWN else value


def named_calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions of these names, whatever they are attributes of."""
    return (call for call in _calls(tree) if _called(call) in names)


def keyword_texts(module: ast.Module, function: str, keyword: str) -> Iterator[str]:
    """Yield the strings given to a keyword, alone or in a list, names of the module followed."""
    names = _assigned_literals(module)
    for call in named_calls(module, function):
        for argument in call.keywords:
            if argument.arg == keyword:
                value = _literal(argument.value, names)
                values = value if isinstance(value, list) else [value]
                yield from (text for text in values if isinstance(text, str))


def nox_calls(module: ast.Module) -> tuple[list[str], list[list[str]]]:
    """Return (installed requirements, commands run) of the sessions whose name says test."""
    requirements: list[str] = []
    commands: list[list[str]] = []
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef) or "test" not in function.name:
            continue
        for call in _calls(function):
            values = [_literal(argument, {}) for argument in call.args]
            texts = [value for value in values if isinstance(value, str)]
            if _called(call) == "install":
                requirements += (*texts, *_own_extras(call, function, module))
            elif _called(call) == "run" and texts:
                commands.append(texts)
    return requirements, commands


def _own_extras(call: ast.Call, session: ast.FunctionDef, module: ast.Module) -> Iterator[str]:
    """Yield `.[extra]` for each path with an extra that is put together: `f"{ROOT}[extra]"` as an
    argument, or among the values of the argument's parameter."""
    for argument in call.args:
        for value in (argument, *_parameter_values(argument, session, module)):
            for node in ast.walk(value):
                text = _last_text(node)
                if re.fullmatch(_EXTRAS, text):
                    yield f".{text}"


def _last_text(node: ast.AST) -> str:
    """The literal end of an f-string; `""` where there is none."""
    last = node.values[-1] if isinstance(node, ast.JoinedStr) and node.values else None
    return last.value if isinstance(last, ast.Constant) and isinstance(last.value, str) else ""


def _parameter_values(
    argument: ast.expr, session: ast.FunctionDef, module: ast.Module
) -> Iterator[ast.expr]:
    """What `@nox.parametrize("name", VALUES)` gives a parameter of the session."""
    variables = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (entry for entry in session.decorator_list if isinstance(entry, ast.Call)):
        if _called(call) == "parametrize" and len(call.args) == 2:
            names, values = call.args
            words = re.split(r"[,\s]+", str(literal(names)))
            if isinstance(argument, ast.Name) and argument.id in words:
                assigned_value = variables.get(values.id) if isinstance(values, ast.Name) else None
                yield assigned_value or values


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _assigned_literals(module: ast.Module) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                names[target.id] = _literal(node.value, names)
    return names


def _expanded(node: ast.expr, names: Mapping[str, Any]) -> Mapping[str, Any]:
    value = _literal(node, names)
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}


def _literal(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return the value of a literal expression; `_UNKNOWN` for anything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id, _UNKNOWN)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        values = [_literal(element, names) for element in node.elts]
        return [value for value in values if value is not _UNKNOWN]
    if isinstance(node, ast.Dict):
        return _dictionary(node, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _sum(node, names)
    return _UNKNOWN


def _sum(node: ast.expr, names: Mapping[str, Any]) -> Any:
    terms = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        terms.append(node.right)
        node = node.left  # a long sum is a deep tree on this side alone
    total = _literal(node, names)
    for term in reversed(terms):
        total = _joined(total, _literal(term, names))
    return total


def _joined(left: Any, right: Any) -> Any:
    alike = type(left) is type(right) and isinstance(left, list | str)
    return left + right if alike and len(left) + len(right) <= MAX_JOINED_ITEMS else _UNKNOWN


def _dictionary(node: ast.Dict, names: Mapping[str, Any]) -> dict[Any, Any]:
    entries: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant):
            entries[key.value] = _literal(value, names)
    return {key: value for key, value in entries.items() if value is not _UNKNOWN}
