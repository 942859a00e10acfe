"""Values and assertion helpers of the source that a patch changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent.patches.changes import FileChange
from agent.source.trees import tree_of
from sandbox.languages.python.runners.split.messages import Function
from sandbox.source import decode_source_lossless
from sandbox.syntax import AnyFunction

_COMPARES = re.compile(r"eq|same|close|near|approx|match|compar|assert|check|expect|verif|like")


@dataclass(frozen=True, kw_only=True)
class OracleChanges:
    """Values and functions that a patch changes; false where none could serve as an oracle."""

    values: frozenset[str]
    """Names of modules and classes that are bound to data, or whose data is changed."""
    functions: frozenset[Function]
    nodes: Mapping[str, tuple[ast.AST, ...]] = field(repr=False)
    """Both versions of each such function (or class, for its `__enter__`), by name."""

    def __bool__(self) -> bool:
        return bool(self.values or self.functions)


def moved_by(changes: Mapping[str, FileChange]) -> OracleChanges:
    values: set[str] = set()
    functions: set[Function] = set()
    nodes: dict[str, tuple[ast.AST, ...]] = {}
    for path, (old, new) in changes.items():
        base_tree, patched_tree = _tree(old), _tree(new)
        if not path.endswith(".py") or base_tree is None or patched_tree is None:
            continue
        base_data, patched_data = dict(_data(base_tree)), dict(_data(patched_tree))
        values |= {
            name
            for text in base_data.keys() ^ patched_data.keys()
            for name in (base_data | patched_data)[text]
        }
        old_ones, new_ones = dict(_defined(base_tree)), dict(_defined(patched_tree))
        for name in old_ones.keys() & new_ones.keys():
            if ast.dump(old_ones[name]) != ast.dump(new_ones[name]):
                owner, _, last = name.rpartition(".")
                if last == "__exit__":  # the tests call it by the name of its class
                    last = owner.rpartition(".")[2]
                    functions.add((path, "__exit__"))
                functions.add((path, last))
                nodes[last] = (*nodes.get(last, ()), old_ones[name], new_ones[name])
    return OracleChanges(values=frozenset(values), functions=frozenset(functions), nodes=nodes)


def judges(changed_code: OracleChanges, name: str) -> bool:
    """Whether a function serves as an oracle: it asserts, and gives nothing else back; or it
    compares what it is given and answers yes or no; or it lets an exception vanish."""
    return any(
        _asserts_only(node)
        or (_compares_only(node) and _COMPARES.search(name.lower()))
        or _swallows(node)
        for node in changed_code.nodes.get(name, ())
        if isinstance(node, AnyFunction)
    )


def _asserts_only(node: AnyFunction) -> bool:
    descendants = list(ast.walk(node))
    has_assertion = any(isinstance(child, ast.Assert) for child in descendants) or any(
        _last(child.func).lower().startswith(("assert", "fail"))
        for child in descendants
        if isinstance(child, ast.Call)
    )
    raises_assertion = any(
        "AssertionError" in ast.unparse(child) for child in descendants if _raises(child)
    )
    returned_values = (child.value for child in descendants if isinstance(child, ast.Return))
    returns_value = any(
        child is not None and not isinstance(child, ast.Constant) for child in returned_values
    )
    stores = any(
        isinstance(child, ast.Attribute | ast.Subscript) and isinstance(child.ctx, ast.Store)
        for child in descendants
    )
    return (has_assertion or raises_assertion) and not returns_value and not stores


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and node.exc is not None


def _compares_only(node: AnyFunction) -> bool:
    """`def same(a, b): return a == b`: two things go in, a comparison of them comes out."""
    parameters = {arg.arg for arg in (*node.args.posonlyargs, *node.args.args)} - {"self", "cls"}
    body = [child for child in node.body if not _is_text(child)]
    if len(parameters) < 2 or len(body) != 1 or not isinstance(body[0], ast.Return):
        return False
    for child in ast.walk(body[0]):
        if isinstance(child, ast.Compare):
            used_names = {name.id for name in ast.walk(child) if isinstance(name, ast.Name)}
            if len(used_names & parameters) >= 2:
                return True
    return False


def _swallows(node: AnyFunction) -> bool:
    """A context manager around whose body an assertion vanishes."""
    if node.name == "__exit__":
        returned_values = (child.value for child in ast.walk(node) if isinstance(child, ast.Return))
        return any(
            child is not None and ast.unparse(child) not in ("None", "False")
            for child in returned_values
        )
    for child in ast.walk(node):
        if isinstance(child, ast.Try) and any(isinstance(n, ast.Yield) for n in ast.walk(child)):
            for handler in child.handlers:
                caught_types = "" if handler.type is None else ast.unparse(handler.type)
                broad = (
                    not caught_types
                    or "AssertionError" in caught_types
                    or "Exception" in caught_types
                )
                if broad and not any(isinstance(n, ast.Raise) for n in ast.walk(handler)):
                    return True
    return False


def _data(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Source of each statement that binds or changes data → the names it does that to."""
    pending_nodes: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, ast.ClassDef):
            if not any("Enum" in ast.unparse(part) for part in node.bases):
                pending_nodes += [(f"{prefix}{node.name}.", child) for child in node.body]
        elif isinstance(node, ast.If | ast.Try):
            inner = (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt))
            pending_nodes += [(prefix, part) for part in inner]
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete):
            targets = (
                [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else node.targets
            )
            if not isinstance(getattr(node, "value", None), ast.Lambda):
                yield prefix + ast.unparse(node), {_root(part) for part in targets} - {""}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield prefix + ast.unparse(node), {_root(node.value.func)} - {""}


def _root(node: ast.AST) -> str:
    """`LIMITS` of `LIMITS['a'][0]`, of `LIMITS.update`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _defined(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    pending_nodes: list[tuple[str, ast.AST]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, AnyFunction):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            pending_nodes += [(f"{prefix}{node.name}.", child) for child in node.body]


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _tree(content: bytes | None) -> ast.Module | None:
    try:
        return None if content is None else tree_of(decode_source_lossless(content).text)
    except ValueError:  # in no encoding that it names
        return None
