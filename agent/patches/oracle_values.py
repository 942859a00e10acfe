"""Patched code that a test uses as its oracle: an expected value, a list it loops over, a helper
that judges. Such things may stand in the source; changed there, they turn a test green and mend
nothing.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.patches.changes import FileChange
from agent.patches.oracle_changes import OracleChanges, judges, moved_by
from agent.source.trees import tree_of
from sandbox.languages.python.runners.split.messages import Function
from sandbox.source import decode_source_lossless

_TRANSPARENT = frozenset(
    [
        "approx",
        "bool",
        "bytes",
        "dict",
        "enumerate",
        "float",
        "frozenset",
        "getattr",
        "hasattr",
        "int",
        "isinstance",
        "items",
        "keys",
        "len",
        "list",
        "max",
        "min",
        "param",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "values",
        "zip",
    ]
)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Patched functions and values that are the oracle of one test; false where there are none."""

    functions: frozenset[Function] = frozenset()
    values: frozenset[str] = frozenset()
    examples: bool = False
    """The test is a doctest, and its own examples are changed."""

    def __bool__(self) -> bool:
        return bool(self.functions or self.values or self.examples)

    @property
    def named(self) -> str:
        names = sorted({*self.values, *(name for _, name in self.functions)})
        return ", ".join(f"`{name}`" for name in names) or "its own examples"


def measures_of(
    changes: Mapping[str, FileChange], test_id: str, path: str, texts: Mapping[str, str]
) -> Measures:
    """Patched code that a test uses as its oracle. `path` is the file of the test; `texts` are the
    sources of all test files."""
    changed_code = moved_by(changes)
    if path in changes:
        return Measures(examples=_examples_differ(changes[path], test_id))
    tree = tree_of(texts.get(path, ""))
    if tree is None or not changed_code:
        return Measures()
    function, around = _test_of(tree, test_id)
    if function is None:
        return Measures()
    reading = _Reading(tree, function, around, changed_code)
    helpers = {helper for helper in reading.helpers() if not _is_subject(helper, test_id, texts)}
    if helpers:
        helpers |= {"__exit__"}
    return Measures(
        functions=frozenset(
            (path, name) for path, name in changed_code.functions if name in helpers
        ),
        values=frozenset(reading.values()),
    )


def measured_in(changes: Mapping[str, FileChange], text: str) -> Measures:
    """Patched code that any test of a file uses as its oracle."""
    tree, changed_code = tree_of(text), moved_by(changes)
    functions: set[Function] = set()
    values: set[str] = set()
    for node in ast.walk(tree) if tree is not None and changed_code else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "test" in node.name.lower():
            reading = _Reading(tree or ast.Module([], []), node, node.decorator_list, changed_code)
            helpers = {
                helper
                for helper in reading.helpers()
                if not _is_subject(helper, node.name, {"": text})
            }
            functions |= {(path, name) for path, name in changed_code.functions if name in helpers}
            values |= set(reading.values())
    return Measures(functions=frozenset(functions), values=frozenset(values))


class _Reading:
    """One test function, and what it does with the things that the patch changes."""

    def __init__(
        self, tree: ast.Module, function: ast.AST, around: list[ast.expr], moved: OracleChanges
    ) -> None:
        self._function, self._around = function, around
        self._helpers = {name for _, name in moved.functions if judges(moved, name)}
        self._values = set(moved.values)
        self._alias: dict[str, str] = {}
        for node in tree.body:  # `CASES = calc.CASES` and `from calc import CASES as ROWS`
            if isinstance(node, ast.ImportFrom):
                self._alias.update({a.asname: a.name for a in node.names if a.asname})
            elif isinstance(node, ast.Assign) and (names := self._named(node.value)):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._alias[target.id] = min(names)
        self._results: set[str] = set()
        self._find_results()

    def values(self) -> Iterator[str]:
        """Changed values that the test compares with or iterates over."""
        for element in self._around:
            yield from self._named(element)
        for node in ast.walk(self._function):
            if isinstance(node, ast.Compare):
                yield from self._sides([node.left, *node.comparators])
            elif isinstance(node, ast.Call):
                name = _name(node.func).lower()
                if name.startswith(("assert", "eq_")):
                    yield from self._sides(node.args)
                elif name in ("raises", "warns", "assertraisesregex"):
                    for argument in (*node.args, *(word.value for word in node.keywords)):
                        yield from self._named(argument)
            elif isinstance(node, ast.For) and any(
                self._exercises(element) for element in node.body
            ):
                yield from self._named(node.iter)
            elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
                for part in node.generators if self._exercises(node.elt) else ():
                    yield from self._named(part.iter)

    def helpers(self) -> Iterator[str]:
        """Changed functions that the test hands results to, for judging."""
        for node in ast.walk(self._function):
            if isinstance(node, ast.With):
                for item in node.items:
                    call = item.context_expr
                    if isinstance(call, ast.Call) and any(self._exercises(b) for b in node.body):
                        yield from self._helper(call)
            elif isinstance(node, ast.Call) and any(self._exercises(arg) for arg in node.args):
                yield from self._helper(node)

    def _helper(self, call: ast.Call) -> Iterator[str]:
        name = self._alias.get(_name(call.func), _name(call.func))
        if name in self._helpers:
            yield name

    def _sides(self, sides: list[ast.expr]) -> Iterator[str]:
        for index, side in enumerate(sides):
            other_sides = sides[:index] + sides[index + 1 :]
            if not self._exercises(side) and any(
                self._exercises(other_side) for other_side in other_sides
            ):
                yield from self._named(side)

    def _named(self, node: ast.AST) -> set[str]:
        """Changed values that this speaks of."""
        names = {
            _name(reference)
            for reference in ast.walk(node)
            if isinstance(reference, ast.Name | ast.Attribute)
        }
        return {self._alias.get(name, name) for name in names} & self._values

    def _exercises(self, node: ast.AST) -> bool:
        """Whether code is called for it, here or where a name in it was bound."""
        for child in ast.walk(node):
            if isinstance(child, ast.Call) and _name(child.func) not in _TRANSPARENT:
                return True
            if isinstance(child, ast.Name) and child.id in self._results:
                return True
        return False

    def _find_results(self) -> None:
        for node in ast.walk(self._function):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if self._exercises(node.value):
                    names = (n for target in targets for n in ast.walk(target))
                    self._results |= {n.id for n in names if isinstance(n, ast.Name)}


def _is_subject(helper: str, test_id: str, texts: Mapping[str, str]) -> bool:
    """Whether the tests are about the helper itself: named after it, or it must raise in one."""
    if _words(helper) in _words(test_id.partition("::")[2] or test_id):
        return True
    word = re.compile(rf"\b{re.escape(helper)}\b")
    return any(_must_raise(text, helper) for text in texts.values() if word.search(text))


def _must_raise(text: str, helper: str) -> bool:
    tree = tree_of(text)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.With):
            calls = [item.context_expr for item in node.items]
            expects_exception = any(
                isinstance(call, ast.Call) and "raises" in _name(call.func).lower()
                for call in calls
            )
            body_nodes = (n for statement in node.body for n in ast.walk(statement))
            if expects_exception and any(
                isinstance(n, ast.Call) and _name(n.func) == helper for n in body_nodes
            ):
                return True
    return False


def _words(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _test_of(tree: ast.Module, test_id: str) -> tuple[ast.AST | None, list[ast.expr]]:
    """The function of a test, and the expressions of its decorators and those of its class."""
    name_parts = re.split(r"::|\.", test_id.partition("[")[0])
    pending_nodes: list[tuple[ast.AST, list[ast.expr]]] = [(node, []) for node in tree.body]
    while pending_nodes:
        node, around = pending_nodes.pop()
        if isinstance(node, ast.ClassDef) and node.name in name_parts:
            pending_nodes += [(child, [*around, *node.decorator_list]) for child in node.body]
        elif (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name_parts[-1]
        ):
            return node, [*around, *node.decorator_list]
        elif isinstance(node, ast.If | ast.Try):
            pending_nodes += [(child, around) for child in ast.iter_child_nodes(node)]
    return None, []


def _examples_differ(change: FileChange, test_id: str) -> bool:
    """Whether the examples of a doctest are not those of the base."""
    name = test_id.rpartition("::")[2].rpartition(".")[2]
    return _examples(change[0], name) != _examples(change[1], name)


def _examples(content: bytes | None, name: str) -> list[tuple[str, str]]:
    tree = tree_of("" if content is None else decode_source_lossless(content).text)
    pairs: list[tuple[str, str]] = []
    for node in ast.walk(tree) if tree is not None else ():
        has_docstring = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if has_docstring and getattr(node, "name", name) == name:
            try:
                examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")  # type: ignore[arg-type]
            except ValueError:
                continue
            pairs += [(example.source, example.want) for example in examples]
    return pairs


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
