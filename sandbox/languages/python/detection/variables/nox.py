"""Variables that a noxfile sets for its sessions of tests, as far as they are literals."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_PREPARES = frozenset(("install", "pip", "poetry", "uv", "pdm", "conda", "mamba", "git", "npm"))


def nox_variables(module: ast.Module) -> dict[str, str]:
    """Return `session.env[…] = …`, `session.env.update(…)` and `env=` of the runs of sessions
    whose name says test."""
    variables: dict[str, str] = {}
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef) and "test" in _names(function):
            for node in ast.walk(function):
                variables.update(_set(node))
    return variables


def _names(function: ast.FunctionDef) -> str:
    """The function's name, and the one that its decorator gives the session."""
    words = [
        node.value
        for decorator in function.decorator_list
        for node in ast.walk(decorator)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return " ".join((function.name, *words)).lower()


def _set(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and _is_env(target.value):
                yield from _pair(target.slice, node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "update" and _is_env(node.func.value) and node.args:
            yield from _pairs(node.args[0])
        elif node.func.attr in ("run", "run_always") and not _prepares(node):
            for keyword in node.keywords:
                if keyword.arg == "env":
                    yield from _pairs(keyword.value)


def _is_env(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "env"


def _prepares(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value in _PREPARES


def _pairs(node: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                yield from _pair(key, value)


def _pair(key: ast.expr, value: ast.expr) -> Iterator[tuple[str, str]]:
    texts = [node.value for node in (key, value) if isinstance(node, ast.Constant)]
    if len(texts) == 2 and isinstance(texts[0], str) and isinstance(texts[1], str):
        yield texts[0], texts[1]
