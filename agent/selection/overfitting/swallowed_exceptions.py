"""Places of a program that swallow every exception, by whatever construct."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping

from agent.source.constant_folding import constants_of
from sandbox.syntax import AnyFunction

_BROAD = frozenset(["Exception", "BaseException"])
_EXITS = frozenset(["__exit__", "__aexit__"])
_CALLBACKS = frozenset(["push", "push_async_exit"])
"""Methods of an exit stack that take what decides whether an exception goes on."""
_Leaving = ast.Return | ast.Break | ast.Continue


def swallowed_exceptions(tree: ast.Module) -> Iterator[ast.AST]:
    """What lets no exception through, or only by a kind that nobody can read off it."""
    constants = constants_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            is_broad = node.type is None or any(_is_broad(k, constants) for k in _kinds(node.type))
            if is_broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                yield node
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from _leaving(node.finalbody)
        elif isinstance(node, ast.Call):
            yield from _suppressing(node, constants)
        elif isinstance(node, AnyFunction) and node.name in _EXITS and _answers_yes(node):
            yield node


def _kinds(caught: ast.expr) -> list[ast.expr]:
    return list(caught.elts) if isinstance(caught, ast.Tuple) else [caught]


def _is_broad(kind: ast.expr, constants: Mapping[str, ast.expr]) -> bool:
    """Whether it is the mother of all, by whatever name, or computed from a builtin kind."""
    if isinstance(kind, ast.Name) and kind.id in constants:
        value = constants[kind.id]
        return value is not kind and any(_is_broad(k, {}) for k in _kinds(value))
    name = getattr(kind, "id", getattr(kind, "attr", ""))
    return name in _BROAD or _is_computed(kind)


def _is_computed(kind: ast.expr) -> bool:
    """`KeyError.__base__`, `KeyError.mro()[-2]`: an expression on a builtin exception."""
    if isinstance(kind, ast.Name | ast.Tuple):
        return False
    names = (node.id for node in ast.walk(kind) if isinstance(node, ast.Name))
    return any(_is_builtin_exception(name) for name in names)


def _is_builtin_exception(name: str) -> bool:
    value = getattr(builtins, name, None)
    return isinstance(value, type) and issubclass(value, BaseException)


def _leaving(statements: list[ast.stmt], in_loop: bool = False) -> Iterator[ast.AST]:
    """What leaves a `finally` block before the exception goes on; a `break` may belong to a loop
    inside of it."""
    for statement in statements:
        if isinstance(statement, AnyFunction | ast.ClassDef):
            continue
        if isinstance(statement, ast.Return) or (isinstance(statement, _Leaving) and not in_loop):
            yield statement
        is_loop = isinstance(statement, ast.For | ast.AsyncFor | ast.While)
        for block in ("body", "orelse", "finalbody"):
            yield from _leaving(getattr(statement, block, []), in_loop or is_loop)


def _suppressing(call: ast.Call, constants: Mapping[str, ast.expr]) -> Iterator[ast.AST]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name == "suppress" and any(_is_broad(kind, constants) for kind in call.args):
        yield call
    elif name in _CALLBACKS and call.args:
        callback = call.args[0]
        if isinstance(callback, ast.Lambda) and not _is_no(callback.body):
            yield call


def _answers_yes(function: AnyFunction) -> bool:
    """Whether an exit answers always with the same, and that tells the exception to end there."""
    answers = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    if not answers or any(isinstance(node, ast.Raise) for node in ast.walk(function)):
        return False
    names = {node.id for answer in answers if answer for node in ast.walk(answer)
             if isinstance(node, ast.Name)}  # fmt: skip
    return not names and not any(answer is None or _is_no(answer) for answer in answers)


def _is_no(answer: ast.expr) -> bool:
    return isinstance(answer, ast.Constant) and not answer.value
