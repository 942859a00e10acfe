"""What a test made of a statement needs to know of the project's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.reproduction.examples import Example
from agent.reproduction.issue_examples import examples
from agent.reproduction.test_writer import can_be_written, test_text


class TestLanguage(Protocol):
    """Reads examples, and writes tests."""

    def examples(self, statement: str) -> Sequence[Example]:
        """The runnable examples of a statement that can be made into tests."""

    def test_text(self, found: Sequence[Example]) -> tuple[str, tuple[str, ...]]:
        """A test file, and the name of each example's test in it."""


@dataclass(frozen=True, kw_only=True)
class PythonTests:
    """Implements `TestLanguage`."""

    importable: Mapping[str, str]
    """Name → statement that imports it."""
    as_case: bool
    """As methods of a `unittest.TestCase`."""

    def examples(self, statement: str) -> Sequence[Example]:
        return [one for one in examples(statement) if can_be_written(one, self.importable)]

    def test_text(self, found: Sequence[Example]) -> tuple[str, tuple[str, ...]]:
        return test_text(found, self.importable, as_case=self.as_case)
