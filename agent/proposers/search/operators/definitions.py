"""Functions: decorators, parameters, `await`, `yield`, `return`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.names import is_callee
from sandbox.syntax import AnyFunction

_DECORATORS = ("staticmethod", "classmethod", "property")


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from _decorated(site, node)
        yield from _parameters(site, node)
    elif isinstance(node, (ast.Yield, ast.YieldFrom)):
        yield from _yielded(site, node)
    elif isinstance(node, ast.Await):
        yield site.replace(node, site.source(node.value), "await.drop")
    elif isinstance(node, (ast.Call, ast.Name, ast.Attribute)):
        yield from _awaited(site, node)
    elif isinstance(node, ast.Return) and node.value is not None:
        start = site.module.span(node)[0]
        yield site.swap((start, start + len("return")), "yield", "yield.form", weight=0.3)


def _decorated(site: Site, node: AnyFunction) -> Iterator[DraftEdit]:
    module = site.module
    indent = module.indentation(node)
    start = module.line_start(node.lineno)
    present = {module.source(decorator) for decorator in node.decorator_list}
    for decorator in node.decorator_list:
        first = module.line_start(decorator.lineno)
        last = module.line_start((decorator.end_lineno or decorator.lineno) + 1)
        note = f"remove `@{brief(module.source(decorator))}`"
        yield site.rewrite([(first, last, "")], "decorator.drop", note)
    if isinstance(module.parent(node), ast.ClassDef):
        for name in _DECORATORS:
            if name not in present:
                text = f"{indent}@{name}{module.newline}"
                yield site.rewrite([(start, start, text)], "decorator.add", f"add `@{name}`")


def _parameters(site: Site, node: AnyFunction) -> Iterator[DraftEdit]:
    """A parameter added that the tests pass by name, or `self` where it is missing."""
    parameters = [*node.args.posonlyargs, *node.args.args]
    method = isinstance(site.module.parent(node), ast.ClassDef)
    is_undecorated = not any(isinstance(d, ast.Name) for d in node.decorator_list)
    if (
        method
        and is_undecorated
        and (not parameters or parameters[0].arg not in ("self", "cls", "mcs"))
    ):
        at = site.module.text.find("(", site.module.span(node)[0]) + 1
        text = "self, " if parameters else "self"
        yield site.rewrite([(at, at, text)], "parameter.add", "add `self`")


def _yielded(site: Site, node: ast.Yield | ast.YieldFrom) -> Iterator[DraftEdit]:
    start = site.module.span(node)[0]
    if isinstance(node, ast.YieldFrom):
        end = site.module.span(node.value)[0]
        yield site.swap((start, end), "yield ", "yield.form")
    elif node.value is not None:
        yield site.swap((start, start + len("yield")), "yield from", "yield.form")
        statement = site.module.parent(node)
        if isinstance(statement, ast.Expr):
            yield site.swap((start, start + len("yield")), "return", "yield.form", weight=0.3)


def _awaited(site: Site, node: ast.expr) -> Iterator[DraftEdit]:
    if not isinstance(site.function, ast.AsyncFunctionDef) or is_callee(site, node):
        return
    is_target = isinstance(getattr(node, "ctx", ast.Load()), (ast.Store, ast.Del))
    if not is_target and not isinstance(site.module.parent(node), (ast.Await, ast.Attribute)):
        weight = 1.0 if isinstance(node, ast.Call) else 0.2
        yield site.replace(node, f"await {site.source(node)}", "await.add", weight=weight)
