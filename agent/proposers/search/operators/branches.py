"""What stands beside its like: a branch for one more value, a comparison with one more, a statement
for one more key, a flag."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.atoms import types_asked
from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.names import likeness
from agent.proposers.search.operators.statements import dedented, insertion

_TYPES = ("str", "bytes", "int", "float", "bool", "complex", "list", "tuple", "set", "frozenset",
          "dict", "bytearray", "memoryview", "type")  # fmt: skip
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_MAX_VALUES = 6
_MAX_ANSWERS = 3
_MAX_UNTOLD = 2
"""Types of which the failing tests say nothing."""
_MEMBERSHIP: dict[type[ast.cmpop], str] = {ast.Eq: "in", ast.NotEq: "not in"}


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, ast.If):
        yield from _branches(site, node)
    elif isinstance(node, (ast.Assign, ast.Expr)):
        yield from _again(site, node)


def propose_values(site: Site) -> Iterator[DraftEdit]:
    """Of expressions: a comparison with one more value, one more type or flag."""
    node = site.node
    match node:
        case ast.Compare(ops=[op], comparators=[value]) if type(op) in _MEMBERSHIP:
            yield from _compared(site, node, value, _MEMBERSHIP[type(op)])
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, value]):
            yield from _asked(site, value)
        case ast.BinOp(op=ast.BitOr()):
            yield from _flagged(site, node)


def _values_like(site: Site, value: ast.expr) -> list[tuple[str, float]]:
    """What may stand where a value stands, from the failing tests: text, weight."""
    context = site.context
    weights: dict[str, float] = {}
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        longest = 2 * len(value.value) + 8
        for rank, text in enumerate(context.strings[:40]):
            if 0 < len(text) <= longest:
                weight = 0.5 + likeness(text, value.value)
                weights[repr(text)] = weight / (1 + 0.05 * rank)
    elif isinstance(value, ast.Constant) and type(value.value) in (int, float):
        for rank, number in enumerate(context.numbers[:20]):
            if type(number) is type(value.value):
                weights[repr(number)] = 1.0 / (1 + 0.1 * rank)
    elif isinstance(value, (ast.Name, ast.Attribute)) and _names_type(site, value):
        weights |= _types(site)
    weights.pop(site.source(value), None)
    return sorted(weights.items(), key=lambda pair: -pair[1])[:_MAX_VALUES]


def _names_type(site: Site, value: ast.Name | ast.Attribute) -> bool:
    return site.source(value) in (*_TYPES, *types_asked(site.module))


def _types(site: Site) -> dict[str, float]:
    """Types that the failing tests speak of, then others that the module asks for."""
    names = site.context.names
    weights = {name: 1.0 for name in _TYPES if name in names}
    for rank, name in enumerate(types_asked(site.module)[:8]):
        if name.rpartition(".")[2] in names:
            weights[name] = 1.0
        elif rank < _MAX_UNTOLD:
            weights.setdefault(name, 0.2)
    return weights


def _deciding(test: ast.expr) -> ast.expr | None:
    """The value that a branch is for: `x == VALUE`, `VALUE in x`, `isinstance(x, VALUE)`,
    `x.startswith(VALUE)`."""
    match test:
        case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[value]):
            return value
        case ast.Compare(left=ast.Constant() as value, ops=[ast.In() | ast.NotIn()]):
            return value
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, value]):
            return value
        case ast.Call(func=ast.Attribute(), args=[ast.Constant() as value]):
            return value
    return None


def _branches(site: Site, node: ast.If) -> Iterator[DraftEdit]:
    """A branch of an `if` again, for another value; its answer the same or another."""
    module = site.module
    value, rows = _deciding(node.test), module.rows(node)
    start = module.span(node)[0]
    word = module.text[start : start + 4].split(" ")[0].split("(")[0]
    if value is None or rows is None or word not in ("if", "elif") or len(node.body) > 3:
        return
    indent = module.indentation(node)
    body = dedented(site, node.body, indent + module.indent_unit)
    if body is None:
        return
    body = body if body.endswith(("\n", "\r")) else body + module.newline
    leaves = isinstance(node.body[-1], _LEAVES)
    test, (low, high) = module.span(node.test), module.span(value)
    for text, weight in _values_like(site, value):
        condition = module.text[test[0] : low] + text + module.text[high : test[1]]
        for answer, share in _answers(site, node, body):
            new = f"{indent}{word} {condition}:{module.newline}{answer}"
            changes = [(rows[0], rows[0], new)]
            if word == "if" and not leaves:
                changes.append((start, start + 2, "elif"))
            note = f"one more branch, for `{brief(text)}`"
            yield site.rewrite(
                changes, "branch.add", note, weight=weight * share, names=(text.strip("'\""),)
            )


def _answers(site: Site, node: ast.If, body: str) -> Iterator[tuple[str, float]]:
    """The branch's own statements, and with another value for the last one in them. Of a single
    branch only its opposite: a value of the test for an answer of the test is no repair, unless
    there is a row of such branches, as in a table."""
    yield body, 1.0
    constants = [n for n in ast.walk(node.body[-1]) if isinstance(n, ast.Constant)]
    if len(node.body) != 1 or not constants:
        return
    last = constants[-1]
    old = site.source(last)
    if body.count(old) != 1:
        return
    if isinstance(last.value, bool):
        yield body.replace(old, str(not last.value)), 0.7
        return
    if not _is_in_row(site, node):
        return
    for text, weight in _values_like(site, last)[:_MAX_ANSWERS]:
        yield body.replace(old, text), 0.7 * weight


def _is_in_row(site: Site, node: ast.If) -> bool:
    """Whether another branch for a value stands directly before or behind this one."""
    before = site.module.parent(node)
    after = node.orelse[0] if len(node.orelse) == 1 else None
    return any(
        isinstance(one, ast.If) and _deciding(one.test) is not None
        for one in (
            before if isinstance(before, ast.If) and before.orelse == [node] else None,
            after,
        )
    )


def _again(site: Site, node: ast.Assign | ast.Expr) -> Iterator[DraftEdit]:
    """A statement again for another key that the failure speaks of."""
    module = site.module
    texts = [
        inner
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]
    keyed = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    if len(texts) != 1 or not (keyed or called) or node.lineno != node.end_lineno:
        return
    (start, end), (low, high) = module.span(node), module.span(texts[0])
    for rank, text in enumerate(site.context.message.strings[:4]):
        if text == texts[0].value or not text.isidentifier():
            continue
        line = module.text[start:low] + repr(text) + module.text[high:end]
        change = insertion(site, node, [line], after=True)
        if change:
            note = f"add `{brief(line)}`"
            yield site.rewrite([change], "statement.again", note, weight=1 / (1 + rank))


def _compared(site: Site, node: ast.Compare, value: ast.expr, word: str) -> Iterator[DraftEdit]:
    """`x == a` → `x in (a, b)`, `x != a` → `x not in (a, b)`."""
    left, old = site.source(node.left), site.source(value)
    for text, weight in _values_like(site, value):
        new = f"{left} {word} ({old}, {text})"
        yield site.replace(
            node, new, "comparison.extend", weight=weight, names=(text.strip("'\""),)
        )


def _asked(site: Site, value: ast.expr) -> Iterator[DraftEdit]:
    """`isinstance(x, A)` → `isinstance(x, (A, B))`."""
    if not isinstance(value, (ast.Name, ast.Attribute)):
        return
    old = site.source(value)
    weights = _types(site)
    weights.pop(old, None)
    for text, weight in sorted(weights.items(), key=lambda pair: -pair[1])[:_MAX_VALUES]:
        yield site.replace(
            value, f"({old}, {text})", "comparison.extend", weight=weight, names=(text,)
        )


def _flagged(site: Site, node: ast.BinOp) -> Iterator[DraftEdit]:
    """One more flag: `A_X | A_Y` → `A_X | A_Y | A_Z`."""
    if isinstance(site.module.parent(node), ast.BinOp):
        return  # the whole of them is asked for itself
    flags = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    prefix = flags[-1].partition("_")[0] if flags else ""
    if len(prefix) < 2 or not flags[-1].isupper():
        return
    others = [
        name for name in site.scope.globals if name.startswith(f"{prefix}_") and name not in flags
    ]
    end = site.module.span(node)[1]
    for name in others[:_MAX_VALUES]:
        weight = 1.0 + 2.0 * (name in site.context.names)
        yield site.rewrite(
            [(end, end, f" | {name}")], "flag.add", f"add the flag `{name}`", weight=weight,
            names=(name,),
        )  # fmt: skip
