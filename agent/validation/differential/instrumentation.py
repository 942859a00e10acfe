"""Functions that a patch changes, and source texts in which they make remote calls."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from agent.source.positions import SourcePositions
from agent.validation.differential.bindings import Replaced, direct_names, replaced_names
from sandbox.source import SourceEdit, apply_edits
from sandbox.syntax import AnyFunction, parse_module

Key = tuple[str, int]
"""Dotted name within the file, and which one of that name: a property has up to three."""


class Form(StrEnum):
    """How a function on the tests' side calls its counterpart in the other sandbox."""

    BODY = "body"
    """First thing in it: the base's parameters and decorators are as the patch has them."""
    CALL = "_repair_asked"
    """In place of it: what it was called with crosses, whatever its parameters are."""
    NOTE = "_repair_noted"
    """It does not: an async one waits on its own event loop. That it is called is noted."""


@dataclass(frozen=True, kw_only=True)
class ChangedFunction:
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
    direct: bool = False
    """On the base its name leads to it, and to nothing around it."""


@dataclass(frozen=True, kw_only=True)
class FileComparison:
    """One file before and after the patch."""

    path: str
    functions: tuple[ChangedFunction, ...]
    doubts: tuple[str, ...]
    """Changes that the base's side cannot show: its tests may fail for them."""
    reshaped: tuple[str, ...]
    """Functions whose parameters or decorators change: code that inspects them sees the base's."""
    added: frozenset[str]
    """Names that are new: a test that uses one needs it on its own side."""
    rebound: frozenset[str]
    """Names of the file whose statements outside of functions change: all its functions are
    called remotely then, but another file may use the name."""
    replaced: Replaced
    """Names of functions and classes that stand for something else with the patch."""


def compare(path: str, base_text: str, patched_text: str) -> FileComparison:
    """Compare a file's text on the base with that of the patch. Raises SyntaxError or ValueError
    where one side does not parse here."""
    old, new = parse_module(base_text), parse_module(patched_text)
    base_nodes, patched_nodes = dict(_functions(old)), dict(_functions(new))
    common_keys = [key for key in base_nodes if key in patched_nodes]
    doubts = [
        f"the kind of `{key[0]}` changes"
        for key in common_keys
        if _kind(base_nodes[key]) != _kind(patched_nodes[key])
        and not _whole(key, base_nodes[key], patched_nodes[key])
    ]
    reshaped_names = tuple(
        key[0] for key in common_keys if _shell(base_nodes[key]) != _shell(patched_nodes[key])
    )
    changed_statements = _statements(old).keys() - _statements(new).keys()
    direct = direct_names(old)
    changed_functions = [
        _changed(path, key, base_nodes[key], patched_nodes[key], direct)
        for key in common_keys
        if changed_statements or ast.dump(base_nodes[key]) != ast.dump(patched_nodes[key])
    ]
    before_names = _names(old)
    added_names = _names(new, before_names) - before_names
    for name, _ in patched_nodes.keys() - base_nodes.keys():
        owner, _, last = name.rpartition(".")
        if not owner or owner.rpartition(".")[2] not in added_names:
            added_names.add(last)
    rebound_names = {name for text in changed_statements for name in _statements(old)[text]}
    return FileComparison(
        path=path,
        functions=tuple(changed_functions),
        doubts=tuple(doubts),
        reshaped=reshaped_names,
        added=frozenset(added_names),
        rebound=frozenset(rebound_names),
        replaced=replaced_names(old, new),
    )


def _changed(
    path: str,
    key: Key,
    base_node: AnyFunction,
    patched_node: AnyFunction | None,
    direct: Collection[str],
) -> ChangedFunction:
    """How a function of the base asks; `patched_node` is what the patch makes of it."""
    form = Form.BODY if _plain(base_node) else Form.CALL
    module_name = "" if patched_node is None else _whole(key, base_node, patched_node)
    if not isinstance(base_node, ast.FunctionDef):
        form = Form.NOTE
    elif module_name or (patched_node is not None and _shell(base_node) != _shell(patched_node)):
        form = Form.CALL
    return ChangedFunction(
        path=path,
        name=base_node.name,
        key=key,
        base_line=_first_line(base_node),
        patched_line=0 if patched_node is None else _first_line(patched_node),
        form=form,
        whole=module_name if form is Form.CALL else "",
        changed=patched_node is None or _body(base_node) != _body(patched_node),
        direct=key[0] in direct,
    )


def base_functions(path: str, base_text: str, patched_text: str) -> tuple[ChangedFunction, ...]:
    """Every function of a file of the base, for a remote call in its place. Raises SyntaxError or
    ValueError where one side does not parse here."""
    patched_nodes = dict(_functions(parse_module(patched_text)))
    base_tree = parse_module(base_text)
    direct = direct_names(base_tree)
    functions = (
        _changed(path, key, node, patched_nodes.get(key), direct)
        for key, node in _functions(base_tree)
    )
    return tuple(
        function if function.form is Form.NOTE else replace(function, form=Form.CALL)
        for function in functions
        if function.changed or function.form is not Form.NOTE
    )


def _whole(key: Key, base_node: AnyFunction, patched_node: AnyFunction) -> str:
    """The name of a module's function whose decorators change: it is asked with them."""
    no_change = _decorators(base_node) == _decorators(patched_node) or type(base_node) is not type(
        patched_node
    )
    return (
        ""
        if no_change or isinstance(base_node, ast.AsyncFunctionDef) or "." in key[0] or key[1] > 1
        else key[0]
    )


def _body(node: AnyFunction) -> str:
    """What a function is and does, whatever is said of it."""
    stripped_node = copy.copy(node)
    if ast.get_docstring(node) is not None:
        stripped_node.body = [*node.body[1:]] or [ast.Pass()]
    return ast.dump(stripped_node)


def all_functions(path: str, base_text: str, patched_text: str) -> tuple[ChangedFunction, ...]:
    """Every function of a file with the patch applied. Raises SyntaxError or ValueError where
    one side does not parse here."""
    base_lines = {key: _first_line(node) for key, node in _functions(parse_module(base_text))}
    return tuple(
        ChangedFunction(
            path=path,
            name=node.name,
            key=key,
            base_line=base_lines.get(key, 0),
            patched_line=_first_line(node),
        )
        for key, node in _functions(parse_module(patched_text))
        if isinstance(node, ast.FunctionDef)
    )


def with_call_observers(text: str, functions: Collection[ChangedFunction]) -> str:
    """A file's text in which its functions are decorated for replayed calls: what they do is
    compared with what they do in another sandbox."""
    spots = SourcePositions(text)
    nodes = dict(_functions(parse_module(text)))
    edits = []
    for function in functions:
        if function.key in nodes:
            node = nodes[function.key]
            start = spots.offset(node.lineno, 0)
            indent = text[start : spots.offset(node.lineno, node.col_offset)]
            decorator = f"{indent}@_repair_replayed({_target(function)!r}, __name__)\n"
            edits.append(SourceEdit("", start, start, decorator))
    return apply_edits(text, edits)


def _target(function: ChangedFunction) -> dict[str, object]:
    lines = [function.base_line, function.patched_line]
    target = {
        "path": function.path,
        "name": function.name,
        "lines": lines,
        "changed": function.changed,
    }
    if function.whole:
        return {**target, "whole": function.whole}
    return {**target, "direct": function.key[0]} if function.direct else target


def with_questions(text: str, functions: Collection[ChangedFunction]) -> str:
    """The base's text in which the functions make remote calls first. Raises SyntaxError where that
    cannot be written."""
    tree = parse_module(text)
    spots = SourcePositions(text)
    nodes = dict(_functions(tree))
    edits = []
    for function in functions:
        node = nodes[function.key]
        first = node.body[1] if len(node.body) > 1 and ast.get_docstring(node) else node.body[0]
        line = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))])
        start, column = spots.offset(line, 0), spots.offset(line, first.col_offset)
        indent = text[start:column]
        goes_on = indent.strip() or text[:start].rstrip("\r\n").endswith("\\")
        if function.form is Form.BODY and goes_on:  # no line of its own for a question before it
            function = replace(function, form=Form.CALL)
        if function.form is not Form.BODY:
            edits.append(_decorated(node, function, spots, text))
            continue
        edits.append(SourceEdit("", start, start, _question(node, _target(function), indent)))
    edited_text = apply_edits(text, edits)
    parse_module(edited_text)
    return edited_text


def _decorated(
    node: AnyFunction, function: ChangedFunction, spots: SourcePositions, text: str
) -> SourceEdit:
    """Under the other decorators; above them where the patch has others."""
    line = _first_line(node) if function.whole else node.lineno
    start = spots.offset(line, 0)
    indent = text[start : spots.offset(line, node.col_offset)]
    return SourceEdit(
        "", start, start, f"{indent}@{function.form}({_target(function)!r}, __name__)\n"
    )


def _question(node: AnyFunction, target: Mapping[str, object], indent: str) -> str:
    spec = node.args
    values = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    values += [f"*{spec.vararg.arg}"] if spec.vararg else []
    keywords = [f"{arg.arg!r}: {arg.arg}" for arg in spec.kwonlyargs]
    keywords += [f"**{spec.kwarg.arg}"] if spec.kwarg else []
    remote_call = (
        f"__import__('_repair_guest.split_calls.remote_run')"
        f".split_calls.remote_run.ask({target!r}, __name__, "
        f"[{', '.join(values)}], {{{', '.join(keywords)}}})"
    )
    return_statement = "return (yield from _asked_[0])" if _generates(node) else "return _asked_[0]"
    return f"{indent}_asked_ = {remote_call}\n{indent}if _asked_: {return_statement}\n"


def _functions(tree: ast.Module) -> Iterator[tuple[Key, AnyFunction]]:
    counts: dict[str, int] = {}
    pending_nodes: list[tuple[str, ast.AST]] = [("", node) for node in reversed(tree.body)]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, AnyFunction):
            name = prefix + node.name
            counts[name] = counts.get(name, 0) + 1
            yield (name, counts[name]), node
        elif isinstance(node, ast.ClassDef):
            pending_nodes += [(f"{prefix}{node.name}.", child) for child in reversed(node.body)]
        elif isinstance(node, ast.If | ast.Try):
            pending_nodes += [
                (prefix, child) for child in reversed(list(ast.iter_child_nodes(node)))
            ]


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
    return [ast.dump(decorator) for decorator in node.decorator_list]


def _shell(node: AnyFunction) -> str:
    """What the tests' side must have as the patch has it, to ask from within the function."""
    return f"{_kind(node)} {ast.dump(node.args)} {_generates(node)}"


def _generates(node: AnyFunction) -> bool:
    pending_nodes: list[ast.AST] = list(node.body)
    while pending_nodes:
        child = pending_nodes.pop()
        if isinstance(child, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(child, AnyFunction | ast.Lambda):
            pending_nodes.extend(ast.iter_child_nodes(child))
    return False


def _statements(tree: ast.Module) -> dict[str, set[str]]:
    """Source of each statement outside of functions, with the class it stands in → the names
    that it binds."""
    bindings: dict[str, set[str]] = {}
    pending_nodes: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, ast.ClassDef):
            head = copy.copy(node)
            head.body = [ast.Pass()]
            bindings[prefix + ast.unparse(head)] = {node.name}
            pending_nodes += [(f"{prefix}{node.name}: ", child) for child in node.body]
        elif isinstance(node, ast.If | ast.Try):
            inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
            pending_nodes += [(prefix, child) for child in inner]
            if isinstance(node, ast.If):
                bindings[prefix + ast.unparse(node.test)] = set().union(*map(_bound, inner))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            source = getattr(node, "module", "")
            for alias in node.names:
                text = f"{prefix}import {source} {ast.unparse(alias)}"
                bindings[text] = {alias.asname or alias.name}
        elif not isinstance(node, AnyFunction) and not _is_text(node):
            bindings[prefix + ast.unparse(node)] = _bound(node)
    return bindings


def _bound(node: ast.AST) -> set[str]:
    references = (
        reference for reference in ast.walk(node) if isinstance(reference, ast.Name | ast.Attribute)
    )
    return {
        reference.id if isinstance(reference, ast.Name) else reference.attr
        for reference in references
        if isinstance(reference.ctx, ast.Store)
    }


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names(tree: ast.Module, classes: Collection[str] | None = None) -> set[str]:
    """Names bound outside of functions, in classes too; with `classes`, only in those."""
    names: set[str] = set()
    pending_nodes: list[ast.AST] = list(tree.body)
    while pending_nodes:
        node = pending_nodes.pop()
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
        pending_nodes.extend(ast.iter_child_nodes(node))
    return names
