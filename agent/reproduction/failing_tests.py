"""Failing tests of the project that a statement may be about."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from agent.reproduction.from_model import speaks_of

_NAME = re.compile(r"[A-Za-z_]\w*")
_TESTS = r"(?:unit )?tests?(?: suite)?|test[- ]suite|CI|pytest"
_FAIL = r"fail(?:s|ed|ing|ures?)?|red|broken"
_TESTS_FAIL = re.compile(
    rf"\b(?:{_TESTS})\b[^.\n]{{0,40}}\b(?:{_FAIL})\b|\b(?:{_FAIL})\b[^.\n]{{0,20}}\b(?:{_TESTS})\b",
    re.I,
)
_SPEAKS_OF_TESTS = re.compile(rf"\b(?:{_TESTS})\b")


def failing_named(statement: str, failing: Sequence[str]) -> tuple[str, ...]:
    """Failing tests that the statement names, by the test's own name or by its whole id; all where
    it says no more than that tests fail."""
    words = frozenset(_NAME.findall(statement))
    matches = tuple(t for t in failing if t in statement or not words.isdisjoint(_own_name(t)))
    return tuple(failing) if not matches and _TESTS_FAIL.search(statement) else matches


def failing_about(
    statement: str, failing: Sequence[str], source: Callable[[str], str]
) -> tuple[str, ...]:
    """Failing tests whose code uses a name or a value of the statement, else all where it speaks
    of tests: weak signs, for want of better ones. `source` gives the source of a test."""
    about = tuple(test_id for test_id in failing if speaks_of(source(test_id), statement))
    return tuple(failing) if not about and _SPEAKS_OF_TESTS.search(statement) else about


def _own_name(test_id: str) -> frozenset[str]:
    """The name of the test's function; nothing for a name that says nothing."""
    name = test_id.partition("[")[0].replace("::", ".").rpartition(".")[2]
    return frozenset((name,)) if "_" in name.removeprefix("test_") else frozenset()
