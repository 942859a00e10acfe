"""An expression put in a call: conversions, copies, functions in scope, methods of text."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from agent.proposers.search.ingredients.scope import BUILTINS
from agent.proposers.search.ingredients.site import DraftEdit, Site
from agent.proposers.search.operators.names import is_callee
from agent.source.module import Module

_BY_KIND = {
    "number": ("int({})", "abs({})", "str({})", "float({})", "round({})", "max({}, 0)"),
    "text": ("{}.strip()", "{}.lower()", "int({})", "{}.upper()", "{}.rstrip()", "{}.lstrip()"),
    "list": (
        "list({})", "{}[:]", "[{}]", "{}.copy()", "len({})", "sorted({})", "set({})", "tuple({})",
        "{}[0]", "{}[-1]",
    ),
    "tuple": ("list({})", "sorted({})", "set({})", "len({})"),
    "set": ("sorted({})", "list({})", "len({})"),
    "dict": ("dict({})", "{}.copy()", "list({})", "{}.items()", "{}.values()"),
    "iterable": ("list({})", "sorted({})", "set({})", "tuple({})", "reversed({})", "iter({})"),
    "truth": ("bool({})",),
    "": (
        "str({})", "list({})", "len({})", "int({})", "set({})", "{}.copy()", "{}[:]", "{}()",
        "tuple({})", "sorted({})", "bool({})", "abs({})", "{}.lower()", "{}.upper()",
        "{}.strip()", "repr({})", "{}[0]", "{}[-1]", "[{}]", "({},)", "type({})", "iter({})",
        "reversed({})", "copy.copy({})", "copy.deepcopy({})",
    ),
}  # fmt: skip


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    yield from _narrowed(site, node)
    yield from _widened(site, node)
    if not isinstance(node, ast.expr) or not _wrappable(site, node):
        return
    text = site.source(node)
    atom = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    kind = site.kind(node)
    templates = _BY_KIND[kind] if kind in _BY_KIND else _BY_KIND[""]
    for rank, template in enumerate(templates):
        if template.startswith("{}") and not atom:
            continue
        if template.startswith("copy.") and "copy" not in site.scope.modules:
            continue
        weight = 1.0 / (1 + 0.15 * rank)
        new = template.format(text)
        if _redundant(site, node, template):
            continue
        yield site.replace(
            node, new, "wrap.builtin", weight=weight, names=(template.strip("{}()."),)
        )
    for name, count in _callees(site)[:12]:
        if f"{name}(" != text[: len(name) + 1]:
            weight = min(count, 5) / 5
            yield site.replace(node, f"{name}({text})", "wrap.call", weight=weight, names=(name,))


def _narrowed(site: Site, node: ast.AST) -> Iterator[DraftEdit]:
    """The call around a part of its argument only: `f(a + b)` → `f(a) + b`, `a + f(b)`."""
    match node:
        case ast.Call(func=func, args=[ast.BinOp(left=left, right=right)], keywords=[]):
            module = site.module
            callee = site.source(func)
            start, end = module.span(node.args[0])
            (low, left_end), (right_start, high) = module.span(left), module.span(right)
            between = module.text[left_end:right_start]
            before, after = module.text[start:low], module.text[high:end]
            if "\n" in between or before.strip() or after.strip():
                return  # parentheses stand there
            first, second = module.text[low:left_end], module.text[right_start:high]
            for text in (
                f"{callee}({first}){between}{second}",
                f"{first}{between}{callee}({second})",
            ):
                yield site.replace(node, text, "wrap.narrow")


def _widened(site: Site, node: ast.AST) -> Iterator[DraftEdit]:
    """`f(a) + b` → `f(a + b)`."""
    match node:
        case ast.BinOp(left=ast.Call(func=func, args=[_], keywords=[]) as call):
            start, end = site.module.span(node)
            argument = site.source(call.args[0])
            rest = site.module.text[site.module.span(call)[1] : end]
            if start == site.module.span(call)[0] and not isinstance(call.args[0], ast.Starred):
                text = f"{site.source(func)}({argument}{rest})"
                yield site.replace(node, text, "wrap.widen")


def _wrappable(site: Site, node: ast.expr) -> bool:
    if not isinstance(
        node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.BinOp, ast.List)
    ):
        return False
    if isinstance(getattr(node, "ctx", ast.Load()), (ast.Store, ast.Del)) or is_callee(site, node):
        return False
    if isinstance(node, ast.Name) and (node.id == site.own_name or node.id in site.scope.modules):
        return False
    parent = site.module.parent(node)
    if isinstance(parent, (ast.Attribute, ast.BoolOp, ast.If, ast.While, ast.Raise, ast.arg)):
        return False
    return not isinstance(parent, (ast.ExceptHandler, ast.ClassDef, ast.withitem, ast.Expr))


def _redundant(site: Site, node: ast.expr, template: str) -> bool:
    """`len(…)` where truth or a sequence is wanted, `list(list(…))`."""
    parent = site.module.parent(node)
    outer = ""
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        outer = parent.func.id
    name = template.partition("(")[0]
    if name and name == outer:
        return True
    return outer in ("isinstance", "issubclass", "hasattr", "len") and template[0] != "{"


def _callees(site: Site) -> list[tuple[str, int]]:
    """Callees for one argument, most used first: functions, functions of modules (`os.fspath`),
    and methods of the class that the site stands in."""
    own_class = site.module.class_of(site.node)
    counts: Counter[str] = Counter()
    for (holder, name, owner), count in _one_argument_callees(site.module).items():
        if not holder:
            counts[name] += 0 if name in BUILTINS else count
        elif holder in site.scope.modules or (
            holder == site.own_name
            and owner is own_class
            and name != getattr(site.function, "name", "")
        ):
            counts[f"{holder}.{name}"] += count
    return [(name, count) for name, count in counts.most_common() if count]


@lru_cache(maxsize=128)
def _one_argument_callees(
    module: Module,
) -> Counter[tuple[str, str, ast.ClassDef | None]]:
    """What the module calls with one argument: the name it is called on (or nothing), the name,
    the class around the call."""
    counts: Counter[tuple[str, str, ast.ClassDef | None]] = Counter()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            func = node.func
            if isinstance(func, ast.Name) and not func.id[:1].isupper():
                counts["", func.id, None] += 1
            elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
                counts[func.value.id, func.attr, module.class_of(node)] += 1
    return counts
