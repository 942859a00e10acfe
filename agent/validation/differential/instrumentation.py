"""Which functions a patch changes, and texts in which they ask another sandbox."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from agent.source.positions import SourcePositions
from sandbox.edit import SourceEdit, apply_edits
from sandbox.syntax import parse_module

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
Key = tuple[str, int]
"""Dotted name within the file, and which one of that name: a property has up to three."""


class Form(StrEnum):
    """How a function on the tests' side asks the other sandbox."""

    BODY = "body"
    """First thing in it: the base's parameters and decorators are as the patch has them."""
    CALL = "_repair_asked"
    """In place of it: what it was called with crosses, whatever its parameters are."""
    NOTE = "_repair_noted"
    """It does not: an async one waits on its own event loop. That it is called is noted."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A function that the patch replaces, or that may do something else with the patch."""

    path: str
    name: str
    """Without its class."""
    key: Key
    base_line: int
    """Where the interpreter says that it begins, at its first decorator; 0 for a new one."""
    patched_line: int
    form: Form = Form.BODY
    whole: str = ""
    """Name in its module, where what stands there is asked: with the patch's decorators."""
    changed: bool = True
    """The patch changes it, and not only what it uses."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One file before and after the patch."""

    functions: tuple[Changed, ...]
    doubts: tuple[str, ...]
    """Changes that the base's side cannot show: its tests may fail for them."""
    reshaped: tuple[str, ...]
    """Functions whose parameters or decorators change: code that inspects them sees the base's."""
    added: frozenset[str]
    """Names that are new: a test that uses one needs it on its own side."""
    rebound: frozenset[str]
    """Names of the file whose statements outside of functions change: all its functions are
    called elsewhere then, but another file may use the name."""


def compare(path: str, before: str, after: str) -> Comparison:
    """Raises SyntaxError or ValueError where one side does not parse here."""
    old, new = parse_module(before), parse_module(after)
    then, now = dict(_functions(old)), dict(_functions(new))
    both = [key for key in then if key in now]
    doubts = [
        f"the kind of `{key[0]}` changes"
        for key in both
        if _kind(then[key]) != _kind(now[key]) and not _whole(key, then[key], now[key])
    ]
    reshaped = tuple(key[0] for key in both if _shell(then[key]) != _shell(now[key]))
    outside = _statements(old).keys() - _statements(new).keys()
    chosen = [
        _changed(path, key, then[key], now[key])
        for key in both
        if outside or ast.dump(then[key]) != ast.dump(now[key])
    ]
    before_names = _names(old)
    added = _names(new, before_names) - before_names
    for name, _ in now.keys() - then.keys():
        owner, _, last = name.rpartition(".")
        if not owner or owner.rpartition(".")[2] not in added:
            added.add(last)
    changed = {name for text in outside for name in _statements(old)[text]}
    return Comparison(
        functions=tuple(chosen),
        doubts=tuple(doubts),
        reshaped=reshaped,
        added=frozenset(added),
        rebound=frozenset(changed),
    )


def _changed(path: str, key: Key, then: AnyFunction, now: AnyFunction | None) -> Changed:
    """How a function of the base asks; `now` is what the patch makes of it."""
    form = Form.BODY if _plain(then) else Form.CALL
    whole = "" if now is None else _whole(key, then, now)
    if not isinstance(then, ast.FunctionDef):
        form = Form.NOTE
    elif whole or (now is not None and _shell(then) != _shell(now)):
        form = Form.CALL
    return Changed(
        path=path,
        name=then.name,
        key=key,
        base_line=_first_line(then),
        patched_line=0 if now is None else _first_line(now),
        form=form,
        whole=whole if form is Form.CALL else "",
        changed=now is None or _body(then) != _body(now),
    )


def base_functions(path: str, before: str, after: str) -> tuple[Changed, ...]:
    """Every function of a file of the base, to ask in its place. Raises SyntaxError or ValueError
    where one side does not parse here."""
    now = dict(_functions(parse_module(after)))
    found = (
        _changed(path, key, node, now.get(key)) for key, node in _functions(parse_module(before))
    )
    return tuple(
        one if one.form is Form.NOTE else replace(one, form=Form.CALL)
        for one in found
        if one.changed or one.form is not Form.NOTE
    )


def _whole(key: Key, then: AnyFunction, now: AnyFunction) -> str:
    """The name of a module's function whose decorators change: it is asked with them."""
    same = _decorators(then) == _decorators(now) or type(then) is not type(now)
    return (
        ""
        if same or isinstance(then, ast.AsyncFunctionDef) or "." in key[0] or key[1] > 1
        else key[0]
    )


def _body(node: AnyFunction) -> str:
    """What a function is and does, whatever is said of it."""
    shown = copy.copy(node)
    if ast.get_docstring(node) is not None:
        shown.body = [*node.body[1:]] or [ast.Pass()]
    return ast.dump(shown)


def all_functions(path: str, before: str, after: str) -> tuple[Changed, ...]:
    """Every function of a file, as the patch leaves it. Raises SyntaxError or ValueError where
    one side does not parse here."""
    then = {key: _first_line(node) for key, node in _functions(parse_module(before))}
    return tuple(
        Changed(
            path=path,
            name=node.name,
            key=key,
            base_line=then.get(key, 0),
            patched_line=_first_line(node),
        )
        for key, node in _functions(parse_module(after))
        if isinstance(node, ast.FunctionDef)
    )


def with_witnesses(text: str, functions: Collection[Changed]) -> str:
    """The text, of the base or the patch, in which the functions that it has are watched from
    outside: what they do is compared with what they do elsewhere."""
    spots = SourcePositions(text)
    known = dict(_functions(parse_module(text)))
    edits = []
    for one in functions:
        if one.key in known:
            node = known[one.key]
            start = spots.offset(node.lineno, 0)
            indent = text[start : spots.offset(node.lineno, node.col_offset)]
            decorator = f"{indent}@_repair_replayed({_target(one)!r}, __name__)\n"
            edits.append(SourceEdit("", start, start, decorator))
    return apply_edits(text, edits)


def _target(one: Changed) -> dict[str, object]:
    lines = [one.base_line, one.patched_line]
    target = {"path": one.path, "name": one.name, "lines": lines, "changed": one.changed}
    return {**target, "whole": one.whole} if one.whole else target


def with_questions(text: str, functions: Collection[Changed]) -> str:
    """The base's text in which the functions ask first. Raises SyntaxError where that cannot be
    written."""
    tree = parse_module(text)
    spots = SourcePositions(text)
    known = dict(_functions(tree))
    edits = []
    for one in functions:
        node = known[one.key]
        if one.form is not Form.BODY:
            edits.append(_decorated(node, one, spots, text))
            continue
        first = node.body[1] if len(node.body) > 1 and ast.get_docstring(node) else node.body[0]
        line = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))])
        start, column = spots.offset(line, 0), spots.offset(line, first.col_offset)
        indent = text[start:column]
        edits.append(SourceEdit("", start, start, _question(node, _target(one), indent)))
    changed = apply_edits(text, edits)
    parse_module(changed)
    return changed


def _decorated(node: AnyFunction, one: Changed, spots: SourcePositions, text: str) -> SourceEdit:
    """Under the other decorators; above them where the patch has others."""
    line = _first_line(node) if one.whole else node.lineno
    start = spots.offset(line, 0)
    indent = text[start : spots.offset(line, node.col_offset)]
    return SourceEdit("", start, start, f"{indent}@{one.form}({_target(one)!r}, __name__)\n")


def _question(node: AnyFunction, target: Mapping[str, object], indent: str) -> str:
    spec = node.args
    values = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    values += [f"*{spec.vararg.arg}"] if spec.vararg else []
    named = [f"{arg.arg!r}: {arg.arg}" for arg in spec.kwonlyargs]
    named += [f"**{spec.kwarg.arg}"] if spec.kwarg else []
    asked = (
        f"__import__('_repair_guest.split_calls.remote_run')"
        f".split_calls.remote_run.ask({target!r}, __name__, "
        f"[{', '.join(values)}], {{{', '.join(named)}}})"
    )
    answered = "return (yield from _asked_[0])" if _generates(node) else "return _asked_[0]"
    return f"{indent}_asked_ = {asked}\n{indent}if _asked_: {answered}\n"


def _functions(tree: ast.Module) -> Iterator[tuple[Key, AnyFunction]]:
    seen: dict[str, int] = {}
    waiting: list[tuple[str, ast.AST]] = [("", node) for node in reversed(tree.body)]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, AnyFunction):
            name = prefix + node.name
            seen[name] = seen.get(name, 0) + 1
            yield (name, seen[name]), node
        elif isinstance(node, ast.ClassDef):
            waiting += [(f"{prefix}{node.name}.", child) for child in reversed(node.body)]
        elif isinstance(node, ast.If | ast.Try):
            waiting += [(prefix, child) for child in reversed(list(ast.iter_child_nodes(node)))]


def _plain(node: AnyFunction) -> bool:
    """Async functions wait on their own event loop; the others need a line for the question."""
    stub = len(node.body) == 1 and ast.get_docstring(node) is not None
    head = max(
        [
            node.lineno,
            *(part.end_lineno or 0 for part in ast.walk(node.args) if isinstance(part, ast.expr)),
        ]
    )
    return isinstance(node, ast.FunctionDef) and not stub and node.body[0].lineno > head


def _first_line(node: AnyFunction) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _kind(node: AnyFunction) -> str:
    return f"{type(node).__name__} {_decorators(node)}"


def _decorators(node: AnyFunction) -> list[str]:
    return [ast.dump(one) for one in node.decorator_list]


def _shell(node: AnyFunction) -> str:
    """What the tests' side must have as the patch has it, to ask from within the function."""
    return f"{_kind(node)} {ast.dump(node.args)} {_generates(node)}"


def _generates(node: AnyFunction) -> bool:
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(one, AnyFunction | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(one))
    return False


def _statements(tree: ast.Module) -> dict[str, set[str]]:
    """Source of each statement outside of functions, with the class it stands in → the names
    that it binds."""
    found: dict[str, set[str]] = {}
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, ast.ClassDef):
            head = copy.copy(node)
            head.body = [ast.Pass()]
            found[prefix + ast.unparse(head)] = {node.name}
            waiting += [(f"{prefix}{node.name}: ", child) for child in node.body]
        elif isinstance(node, ast.If | ast.Try):
            inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
            waiting += [(prefix, child) for child in inner]
            if isinstance(node, ast.If):
                found[prefix + ast.unparse(node.test)] = set().union(*map(_bound, inner))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            source = getattr(node, "module", "")
            for alias in node.names:
                text = f"{prefix}import {source} {ast.unparse(alias)}"
                found[text] = {alias.asname or alias.name}
        elif not isinstance(node, AnyFunction) and not _is_text(node):
            found[prefix + ast.unparse(node)] = _bound(node)
    return found


def _bound(node: ast.AST) -> set[str]:
    stored = (one for one in ast.walk(node) if isinstance(one, ast.Name | ast.Attribute))
    return {
        one.id if isinstance(one, ast.Name) else one.attr
        for one in stored
        if isinstance(one.ctx, ast.Store)
    }


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names(tree: ast.Module, classes: Collection[str] | None = None) -> set[str]:
    """Names bound outside of functions, in classes too; with `classes`, only in those."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, AnyFunction):
            continue
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
            if classes is not None and node.name not in classes:
                continue  # whoever does not know the class knows nothing in it
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return names
