"""Exceptions: types widened, narrowed and exchanged; statements put in a try."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import lru_cache

from agent.proposers.search.ingredients.expected_errors import ended_by, expected, raised, told
from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.statements import dedented
from agent.source.module import Module

_USUAL = (
    "TypeError", "ValueError", "KeyError", "AttributeError", "IndexError", "StopIteration",
    "Exception", "OSError", "RuntimeError", "NotImplementedError", "UnicodeError",
    "OverflowError", "ZeroDivisionError", "LookupError", "RecursionError",
)  # fmt: skip
_PLAIN = ast.Try | ast.If | ast.For | ast.While | ast.With


@lru_cache(maxsize=128)
def exceptions_of(module: Module) -> tuple[str, ...]:
    """Exception types the module raises or handles, then the usual builtin ones."""
    return tuple(dict.fromkeys((*raised(module)[:8], *_USUAL)))


def _parents(name: str) -> tuple[str, ...]:
    exception = getattr(builtins, name, None)
    if not isinstance(exception, type) or not issubclass(exception, BaseException):
        return ()
    return tuple(
        cls.__name__
        for cls in exception.__mro__[1:]
        if cls.__name__ not in ("object", "BaseException")
    )


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.ExceptHandler):
        yield from _handled(site, node)
    elif isinstance(node, ast.Raise):
        yield from _raised(site, node)
    elif isinstance(node, (ast.Return, ast.Assign, ast.Expr, ast.AugAssign)):
        yield from _tried(site, node)


def _words(site: Site, name: str) -> float:
    return 3.0 if name.rpartition(".")[2] in site.context.names else 1.0


def _handled(site: Site, node: ast.ExceptHandler) -> Iterator[DraftEdit]:
    type_node = node.type
    if type_node is None:
        return
    candidates = exceptions_of(site.module)
    if isinstance(type_node, ast.Tuple):
        present = [site.source(item) for item in type_node.elts]
        end = site.module.span(type_node.elts[-1])[1]
        for rank, name in enumerate(candidates):
            if name not in present:
                weight = _words(site, name) / (1 + 0.1 * rank)
                note = f"also handle `{name}`"
                yield site.rewrite(
                    [(end, end, f", {name}")], "exception.extend", note, weight=weight
                )
        return
    old = site.source(type_node)
    for rank, name in enumerate(candidates):
        if name != old:
            weight = _words(site, name) / (1 + 0.1 * rank)
            yield site.replace(type_node, f"({old}, {name})", "exception.extend", weight=weight)
            yield site.replace(type_node, name, "exception.type", weight=0.5 * weight)
    for name in _parents(old):
        yield site.replace(type_node, name, "exception.type")


def _raised(site: Site, node: ast.Raise) -> Iterator[DraftEdit]:
    exception = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    if not isinstance(exception, (ast.Name, ast.Attribute)):
        return
    for rank, name in enumerate(dict.fromkeys((*expected(site), *exceptions_of(site.module)))):
        if name != site.source(exception):
            weight = _words(site, name) / (1 + 0.1 * rank)
            yield site.replace(exception, name, "exception.type", weight=weight)


def _tried(site: Site, node: ast.stmt) -> Iterator[DraftEdit]:
    """A statement → the same in a `try` that goes on, leaves or gives a plain value."""
    module = site.module
    rows, indent, step = module.rows(node), module.indentation(node), module.indent_unit
    if rows is None or site.function is None:
        return
    text = dedented(site, [node], indent + step)
    if text is None or not any(
        isinstance(n, (ast.Call, ast.Subscript, ast.Attribute)) for n in ast.walk(node)
    ):
        return
    if not text.endswith(("\n", "\r")):
        text += module.newline
    yield from _translated(site, node, text)
    handlers = ["pass"]
    if isinstance(node, ast.Return):
        handlers = ["return None", "return False"]
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        handlers = [f"{node.targets[0].id} = None", "return None"]
    if module.loop_of(node) is not None:
        handlers.append("continue")
    names = [n for n in _USUAL[:5] if n in site.context.names] or list(_USUAL[:3])
    for name in names[:3]:
        for leave in handlers[:3]:
            new = (
                f"{indent}try:{module.newline}{text}{indent}except {name}:{module.newline}"
                f"{indent}{step}{leave}{module.newline}"
            )
            note = f"`try` around `{brief(site.source(node), 30)}`, on {name} `{leave}`"
            weight = _words(site, name)
            yield site.rewrite([(*rows, new)], "exception.try", note, weight=weight)


def _translated(site: Site, node: ast.stmt, text: str) -> Iterator[DraftEdit]:
    """A statement → the same in a `try` that turns what ended the test into what it expects."""
    module = site.module
    rows, indent, step = module.rows(node), module.indentation(node), module.indent_unit
    assert rows is not None
    variable = "error" if "error" not in site.scope.variables else "raised"
    argument = repr(told(site)) if told(site) else f"str({variable})"
    ended = ended_by(site)
    for wanted in expected(site):
        for name in ended[:2]:
            if name == wanted:
                continue
            new = (
                f"{indent}try:{module.newline}{text}"
                f"{indent}except {name} as {variable}:{module.newline}"
                f"{indent}{step}raise {wanted}({argument}) from {variable}{module.newline}"
            )
            note = f"`{name}` of `{brief(site.source(node), 30)}` raised as `{wanted}`"
            yield site.rewrite([(*rows, new)], "exception.translate", note, names=(wanted,))
