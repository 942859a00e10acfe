"""Calls: another callee, arguments dropped, swapped, replaced and added, wrapped, unwrapped."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from agent.proposers.search.ingredients.scope import BUILTINS
from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.names import attributes_of, likeness, members_of
from sandbox.syntax import AnyFunction

_GROUPS = (
    "min max", "any all", "str repr", "list tuple set sorted frozenset", "list reversed",
    "int float round", "isinstance issubclass", "map filter", "getattr hasattr",
    "startswith endswith", "lstrip rstrip strip", "append extend add insert",
    "items keys values", "find index rfind", "split rsplit splitlines", "partition rpartition",
    "lower upper casefold title capitalize", "remove discard pop", "get pop setdefault",
    "update setdefault", "union intersection difference symmetric_difference",
    "ljust rjust center", "search match fullmatch finditer findall", "encode decode",
    "popleft pop", "appendleft append", "debug info warning error", "read readline readlines",
    "floor ceil trunc", "isdigit isnumeric isdecimal isalnum isalpha", "sort reverse", "ord chr",
)  # fmt: skip
ALTERNATIVES: dict[str, tuple[str, ...]] = {}
for _group in _GROUPS:
    _words = _group.split()
    for _word in _words:
        ALTERNATIVES[_word] = (
            *ALTERNATIVES.get(_word, ()),
            *(other for other in _words if other != _word),
        )

# What builtins accept beyond what is given: callee → texts of one more argument.
_KEYWORDS = {
    "sorted": ("reverse=True", "key=len", "key=str"),
    "sort": ("reverse=True",),
    "max": ("default=None", "default=0"),
    "min": ("default=None", "default=0"),
    "next": ("None",),
    "getattr": ("None",),
    "pop": ("None", "0", "-1"),
    "get": ("None", "0", "''", "[]", "{}"),
    "split": ("1", "maxsplit=1"),
    "rsplit": ("1",),
    "replace": ("1",),
    "zip": ("strict=True",),
    "round": ("2",),
    "open": ("encoding='utf-8'",),
    "sub": ("count=1", "flags=re.IGNORECASE"),
    "compile": ("re.IGNORECASE", "re.MULTILINE", "re.DOTALL"),
    "match": ("re.IGNORECASE",),
    "search": ("re.IGNORECASE",),
    "sum": ("[]",),
    "int": ("10", "16", "2"),
    "print": ("end=''", "flush=True"),
    "dumps": ("sort_keys=True", "default=str", "ensure_ascii=False"),
    "encode": ("'utf-8'", "errors='replace'", "errors='ignore'"),
    "decode": ("'utf-8'", "errors='replace'", "errors='ignore'"),
    "enumerate": ("1",),
    "splitlines": ("keepends=True",),
    "makedirs": ("exist_ok=True",),
    "mkdir": ("parents=True", "exist_ok=True"),
    "warn": ("DeprecationWarning", "stacklevel=2"),
}


def callee_name(node: ast.Call) -> str:
    """The last part of what is called; empty for other callees."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if not isinstance(node, ast.Call):
        return
    yield from _callee(site, node)
    yield from _dropped(site, node)
    yield from _swapped(site, node)
    yield from _added(site, node)
    yield from _unwrapped(site, node)
    yield from _receiver(site, node)


def _name_span(site: Site, node: ast.Call) -> tuple[int, int]:
    end = site.module.span(node.func)[1]
    return end - len(callee_name(node)), end


def _callee(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    name = callee_name(node)
    if not name:
        return
    for rank, (callee, weight) in enumerate(_other_callees(site, node, name)):
        if rank >= 12:
            return
        yield DraftEdit(
            ((*_name_span(site, node), callee),),
            "call.callee",
            f"call `{callee}` in place of `{name}`",
            weight,
            (callee,),
        )


def _other_callees(site: Site, node: ast.Call, name: str) -> list[tuple[str, float]]:
    weights: dict[str, float] = {}
    for rank, callee in enumerate(ALTERNATIVES.get(name, ())):
        if (callee in BUILTINS) == isinstance(node.func, ast.Name):
            weights[callee] = 3.0 / (1 + 0.3 * rank)
    if isinstance(node.func, ast.Attribute):
        for callee in _sibling_methods(site, node.func):
            weights.setdefault(callee, 0.5 + 2 * likeness(name, callee))
    elif name not in BUILTINS:
        scope = site.scope
        callables = (
            *scope.functions,
            *(n for n in scope.locals if scope.kinds.get(n) == "function"),
        )
        for callee in callables:
            if callee[:1].isupper() == name[:1].isupper() and accepts(site, callee, node):
                weights.setdefault(callee, 0.4 + 2 * likeness(name, callee))
        owner = site.module.class_of(site.statement)
        if owner is not None and owner.name == name and site.own_name:
            weights[site.own_name if site.own_name == "cls" else f"type({site.own_name})"] = 1.0
    weights.pop(name, None)
    return sorted(weights.items(), key=lambda pair: -pair[1])


def _sibling_methods(site: Site, func: ast.Attribute) -> list[str]:
    names: dict[str, None] = {}
    if isinstance(func.value, ast.Name):
        owner = site.module.class_of(site.statement)
        if func.value.id == site.own_name and owner is not None:
            names.update(dict.fromkeys(n for n, method in members_of(owner).items() if method))
        names.update(dict.fromkeys(attributes_of(site.module).get(func.value.id, Counter())))
    return [name for name in names if not (name.startswith("__") and name.endswith("__"))]


def accepts(site: Site, name: str, node: ast.Call) -> bool:
    """Whether a function of the project takes as many positional arguments as are given."""
    functions = site.context.signatures.get(name)
    if not functions:
        return True
    count = len(node.args)
    return any(_least(f) <= count + len(node.keywords) and count <= _most(f) for f in functions)


def _own(function: AnyFunction) -> int:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return 1 if parameters and parameters[0].arg in ("self", "cls") else 0


def _least(function: AnyFunction) -> int:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return len(parameters) - _own(function) - len(function.args.defaults)


def _most(function: AnyFunction) -> int:
    if function.args.vararg:
        return 1_000
    return len(function.args.posonlyargs) + len(function.args.args) - _own(function)


def _pieces(site: Site, node: ast.Call) -> list[tuple[int, int]]:
    """Spans of the arguments in order, `*`, `**` and `name=` included."""
    spans = []
    for arg in node.args:
        start, end = site.module.span(arg)
        spans.append((start, end))
    for keyword in node.keywords:
        start, end = site.module.span(keyword)
        spans.append((start, end))
    return sorted(spans)


def _dropped(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    pieces = _pieces(site, node)
    if len(pieces) == 1 and isinstance(node.args[0] if node.args else None, ast.GeneratorExp):
        return
    for index, (start, end) in enumerate(pieces):
        if index + 1 < len(pieces):
            span = start, pieces[index + 1][0]
        elif index:
            span = pieces[index - 1][1], end
        else:
            span = start, end
        note = f"drop the argument `{brief(site.module.text[start:end])}`"
        weight = 1.0 if len(pieces) > 1 else 0.3
        yield site.rewrite([(*span, "")], "call.drop", note, weight=weight)


def _swapped(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    args = node.args
    for first in range(len(args)):
        for second in range(first + 1, len(args)):
            if any(isinstance(args[i], ast.Starred) for i in (first, second)):
                continue
            is_adjacent = second == first + 1
            texts = site.source(args[first]), site.source(args[second])
            yield site.rewrite(
                (
                    (*site.module.span(args[first]), texts[1]),
                    (*site.module.span(args[second]), texts[0]),
                ),
                "call.swap",
                f"swap the arguments `{brief(texts[0])}` and `{brief(texts[1])}`",
                weight=1.0 if is_adjacent else 0.4,
            )


def _added(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    name = callee_name(node)
    keywords = {keyword.arg for keyword in node.keywords}
    weights: dict[str, float] = {}
    for text in _KEYWORDS.get(name, ()):
        if text.partition("=")[0] not in keywords:
            weights[text] = 1.0
    for function in site.context.signatures.get(name, ())[:3]:
        weights.update(_missing_parameters(site, node, function, keywords))
    if not weights or (not site.context.signatures.get(name) and not node.args):
        for variable in site.scope.bound_before(node.lineno)[:8]:
            if variable != site.own_name:
                weights.setdefault(variable, 0.3)
    pieces = _pieces(site, node)
    close = site.module.span(node)[1] - 1
    for text, weight in list(weights.items())[:16]:
        at = pieces[-1][1] if pieces else close
        lead = ", " if pieces else ""
        names = (text.rpartition("=")[2],)
        note = f"add the argument `{text}`"
        yield site.rewrite([(at, at, lead + text)], "call.add", note, weight=weight, names=names)


def _missing_parameters(
    site: Site, node: ast.Call, function: AnyFunction, keywords: set[str | None]
) -> dict[str, float]:
    """Parameters of the callee that are not given, bound to names in scope or plain values."""
    positional = [*function.args.posonlyargs, *function.args.args][_own(function) :]
    parameters = [arg.arg for arg in positional[len(node.args) :] if arg.arg not in keywords]
    parameters += [arg.arg for arg in function.args.kwonlyargs if arg.arg not in keywords]
    weights: dict[str, float] = {}
    visible = site.scope.bound_before(node.lineno)
    for parameter in parameters:
        if parameter in visible:
            weights[f"{parameter}={parameter}"] = 3.0
        if site.own_name and site.own_name in visible:
            owner = site.module.class_of(site.statement)
            if owner is not None and parameter in members_of(owner):
                weights[f"{parameter}={site.own_name}.{parameter}"] = 2.0
        for value in ("True", "False", "None"):
            weights[f"{parameter}={value}"] = 0.4
    if parameters and len(positional) > len(node.args) and not node.keywords:
        for variable in visible:
            if variable != site.own_name and parameters[0] == positional[len(node.args)].arg:
                weights.setdefault(variable, 0.4 + likeness(variable, parameters[0]))
    return weights


def _unwrapped(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    for arg in node.args:
        if not isinstance(arg, ast.Starred):
            weight = 1.0 if len(node.args) == 1 else 0.5
            yield site.replace(node, site.source(arg), "call.unwrap", weight=weight)
    if isinstance(node.func, ast.Attribute):
        receiver = site.source(node.func.value)
        yield site.replace(node, receiver, "call.unwrap", weight=0.6)
        yield site.replace(node, site.source(node.func), "call.uncall", weight=0.3)


def _receiver(site: Site, node: ast.Call) -> Iterator[DraftEdit]:
    """`obj.method(x)` ↔ `method(obj, x)` where both exist; `f(x)` → `self.f(x)`."""
    func = node.func
    if isinstance(func, ast.Attribute) and func.attr in site.scope.globals:
        yield site.replace(func, func.attr, "call.receiver", names=(func.attr,))
    if isinstance(func, ast.Name):
        owner = site.module.class_of(site.statement)
        if site.own_name and owner is not None and members_of(owner).get(func.id):
            yield site.replace(func, f"{site.own_name}.{func.id}", "call.receiver", weight=3.0)
