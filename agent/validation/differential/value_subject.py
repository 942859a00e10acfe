"""Whether a test is about a value, or measures with it what code of the project does."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.validation.differential.instrumentation import ChangedFunction
from sandbox.languages.python.runners.split.reports import CallReport
from sandbox.syntax import parse_module


@dataclass(frozen=True, kw_only=True)
class ValueSubject:
    """What the tests of one run are about: a value itself, or what code of the project does."""

    functions: Sequence[ChangedFunction]
    """Every function of the project that asks."""
    texts: Sequence[str]
    """The tests' files, and those beside them that hold no tests."""

    def measured_values(self, test_id: str, calls: CallReport, values: frozenset[str]) -> str:
        """Those of the patch's `values` that may be what the test measures with, named for people;
        empty where the test is about them, or code of the project was seen to read them."""
        if calls.reads & values or not (calls.asked or calls.reads or self._called_on_import):
            return ""
        test_words = _words(test_id.rpartition("::")[2].partition("[")[0])
        function_words = {_words(function.name) for function in self.functions}
        measures = [
            value
            for value in sorted(values)
            if _words(value) not in test_words or _words(value) in function_words
        ]
        return ", ".join(f"`{value}`" for value in measures)

    @property
    def _called_on_import(self) -> bool:
        """Whether a test file calls the project before any test: no call is seen of that."""
        names = {part for function in self.functions for part in function.key[0].split(".")}
        return any(names & _called_outside(text) for text in self.texts)


def _called_outside(text: str) -> frozenset[str]:
    """Names of what a file calls outside of functions, in decorators and classes too."""
    try:
        pending_nodes: list[ast.AST] = [parse_module(text)]
    except (SyntaxError, ValueError, RecursionError):
        return frozenset(re.findall(r"\w+", text))
    names: set[str] = set()
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending_nodes += [*node.decorator_list, node.args]
            continue
        if isinstance(node, ast.Call):
            names.add(_called(node.func))
        pending_nodes += ast.iter_child_nodes(node)
    return frozenset(names)


def _words(name: str) -> str:
    """`UNIT_PRICE`, `unitPrice` and `_unit_price` as `_unit_price_`."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    return f"_{'_'.join(words).lower()}_"


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
