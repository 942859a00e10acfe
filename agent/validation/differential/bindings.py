"""What the names of a file are bound to, and which of them a patch binds to something else.

The second opinion asks a function by its place in the file. Whoever uses the project comes to it by
a name, and a patch may bind that name anew: below the function, in another module that exports it,
in the class that makes the objects. What it is bound to then is asked by nobody.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sandbox.syntax import AnyFunction

_MAKES_INSTANCES = frozenset(
    [
        *("__new__", "__init__", "__post_init__", "__init_subclass__", "__set_name__"),
        *("__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__class_getitem__"),
    ]
)
"""Methods that run unasked where an object of the class is made or looked at: on the tests' side
there is none of them as long as the base has none."""
_KEEPS_MEMBERS = frozenset(["dataclass", "final", "runtime_checkable", "total_ordering", "unique"])
"""Decorators of classes that leave the functions in them as they are."""
_OF_THE_LANGUAGE = frozenset(
    [
        *("staticmethod", "classmethod", "property", "abstractmethod"),
        *("getter", "setter", "deleter", "override", "final"),
    ]
)
"""Decorators of methods whose function can be taken out again."""


_INHERITS = re.compile(r"^(?:class )?class \w+\(", re.MULTILINE)
"""The head of a class that is below others, with or without decorators before it."""


@dataclass(frozen=True)
class Replaced:
    """Names of functions and classes of the base that a patch binds to something else."""

    names: frozenset[str] = frozenset()
    exports: frozenset[tuple[str, str]] = frozenset()
    """Those that are imported and imported from elsewhere now: name, and the top package of the
    module; empty for a relative import."""

    def __bool__(self) -> bool:
        return bool(self.names or self.exports)

    def among(self, words: Collection[str], packages: Collection[str]) -> list[str]:
        """Those that stand in a text with these words; `packages` are the project's."""
        exports = {name for name, top in self.exports if not top or top in packages}
        return sorted((self.names | exports) & set(words))


def replaced_names(base_tree: ast.Module, patched_tree: ast.Module) -> Replaced:
    """Compare what the names of a file are bound to."""
    before, after = _by_name(base_tree), _by_name(patched_tree)
    classes = {name for name, sources in before.items() if any(_is_class(s) for s in sources)}
    heirs = {name for name in classes if any(map(_INHERITS.search, before[name]))}
    names: set[str] = set()
    exports: set[tuple[str, str]] = set()
    for name, sources in after.items():
        owner, _, last = name.rpartition(".")
        old_sources = before.get(name, Counter())
        if sources == old_sources:
            continue
        if not old_sources:
            is_new_special = (owner in classes and last in _MAKES_INSTANCES) or (
                owner in heirs and _is_special(last)
            )
            names |= {owner} if is_new_special else {last} if any(map(_is_set, sources)) else set()
        elif all(map(_is_import, [*sources, *old_sources])):
            exports |= {(last, source.split(" ")[1]) for source in sources + old_sources}
        elif any(map(_defines, old_sources)):
            names |= set(name.split("."))
    return Replaced(frozenset(names), frozenset(exports))


def direct_names(tree: ast.Module) -> frozenset[str]:
    """Dotted names of functions that lead to these functions, as far as the file says so: bound
    once, with no decorator that could give out something else, in classes of the same kind."""
    counts = _by_name(tree)
    stored_attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
    }
    names: set[str] = set()
    pending_nodes: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if not isinstance(node, AnyFunction | ast.ClassDef):
            continue
        name = f"{prefix}{node.name}"
        is_once = counts[name].total() == 1 or _is_accessor(node)
        known_decorators = _OF_THE_LANGUAGE if isinstance(node, AnyFunction) else _KEEPS_MEMBERS
        if not is_once or not all(_last(d) in known_decorators for d in node.decorator_list):
            continue
        if isinstance(node, AnyFunction):
            names |= {name} - {f"{prefix}{attribute}" for attribute in stored_attributes}
        elif not any(word.arg == "metaclass" for word in node.keywords):
            pending_nodes += [(f"{name}.", child) for child in node.body]
    return frozenset(names)


def _is_accessor(node: AnyFunction | ast.ClassDef) -> bool:
    return isinstance(node, AnyFunction) and any(
        _last(decorator) in ("property", "getter", "setter", "deleter")
        for decorator in node.decorator_list
    )


def _last(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_class(source: str) -> bool:
    return source.startswith("class ")


def _is_special(name: str) -> bool:
    """Whether the interpreter calls a method of this name unasked: by `with`, `for`, `len()`. What
    an heir did by that before, it inherited, and nothing in a test says that it no longer does."""
    return name.startswith("__") and name.endswith("__")


def _is_import(source: str) -> bool:
    return source.startswith("import ")


def _is_set(source: str) -> bool:
    return source.startswith("set ")


def _defines(source: str) -> bool:
    return source == "def" or _is_class(source) or _is_import(source)


def _by_name(tree: ast.Module) -> dict[str, Counter[str]]:
    """Dotted name within the file → how it is bound, each time."""
    sources: dict[str, Counter[str]] = {}
    pending_nodes: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        for name, source in _bound(node):
            sources.setdefault(prefix + name, Counter())[source] += 1
        inner = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix
        if not isinstance(node, AnyFunction):
            children = ast.iter_child_nodes(node)
            pending_nodes += [(inner, child) for child in _statements(children)]
    return sources


def _statements(nodes: Iterator[ast.AST]) -> Iterator[ast.stmt]:
    for node in nodes:
        if isinstance(node, ast.stmt):
            yield node
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            yield from node.body


def _bound(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that a statement itself binds, and how."""
    if isinstance(node, AnyFunction):
        yield node.name, "def"
    elif isinstance(node, ast.ClassDef):
        head = copy.copy(node)
        head.body = [ast.Pass()]
        yield node.name, f"class {ast.unparse(head)}"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        level = getattr(node, "level", 0)
        module = getattr(node, "module", None) or ""
        for alias in node.names:
            top = "" if level else (module or alias.name).partition(".")[0]
            yield alias.asname or alias.name, f"import {top} {level} {module} {alias.name}"
    else:
        for target in _targets(node):
            yield target, f"set {ast.unparse(node)}"


def _targets(node: ast.stmt) -> Iterator[str]:
    """`clip` and `Vec.__add__` that a statement assigns, outside of the blocks in it."""
    pending_nodes: list[ast.AST] = [
        child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)
    ]
    while pending_nodes:
        child = pending_nodes.pop()
        if isinstance(child, ast.Lambda | ast.ExceptHandler | ast.match_case):
            continue
        if isinstance(child, ast.Name | ast.Attribute) and isinstance(child.ctx, ast.Store):
            yield ast.unparse(child)
        pending_nodes.extend(ast.iter_child_nodes(child))
