"""What a test made of a statement needs to know of the project's language."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.proposers.search.ingredients.project_context import words_of_code
from agent.reproduction.examples import Example
from agent.reproduction.issue_examples import examples
from agent.reproduction.test_writer import can_be_written, test_text
from sandbox.syntax import parse_module


class TestLanguage(Protocol):
    """Reads examples, and writes tests; reads those that a model wrote."""

    @property
    def name(self) -> str:
        """As people write it."""

    @property
    def form(self) -> str:
        """What a test is, in words for a model."""

    @property
    def checks(self) -> str:
        """What a test checks with, in words for a model."""

    def examples(self, statement: str) -> Sequence[Example]:
        """The runnable examples of a statement that can be made into tests."""

    def test_text(self, found: Sequence[Example]) -> tuple[str, tuple[str, ...]]:
        """A test file, and the name of each example's test in it."""

    def names_in(self, text: str) -> tuple[str, ...] | None:
        """The tests in a file; None where only running it can tell."""

    def words_in(self, text: str) -> Collection[str]:
        """Names that the code uses, and its texts."""

    def uses_project(self, text: str) -> bool:
        """Whether a test file takes something from the project."""


TestLanguage.__test__ = False  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class PythonTests:
    """Implements `TestLanguage`."""

    importable: Mapping[str, str]
    """Name → statement that imports it."""
    as_case: bool
    """As methods of a `unittest.TestCase`."""
    name: str = "Python"
    checks: str = "`assert`"

    @property
    def form(self) -> str:
        return "a method of a `unittest.TestCase`" if self.as_case else "a function `test_…`"

    def examples(self, statement: str) -> Sequence[Example]:
        return [one for one in examples(statement) if can_be_written(one, self.importable)]

    def test_text(self, found: Sequence[Example]) -> tuple[str, tuple[str, ...]]:
        return test_text(found, self.importable, as_case=self.as_case)

    def names_in(self, text: str) -> tuple[str, ...]:
        return test_names(text)

    def words_in(self, text: str) -> Collection[str]:
        code = words_of_code([text])
        return {*code.names, *code.strings}

    def uses_project(self, text: str) -> bool:  # noqa: ARG002 - the lines that it runs tell
        return True


def test_names(text: str) -> tuple[str, ...]:
    """`test` of functions and `Class.test` of methods; empty for what does not parse."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, functions) and node.name.startswith("test"):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [method.name for method in node.body if isinstance(method, functions)]
            names += [f"{node.name}.{name}" for name in methods if name.startswith("test")]
    return tuple(names)


test_names.__test__ = False  # type: ignore[attr-defined]
