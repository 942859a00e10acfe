"""Which ends of a generated test show the problem that was stated."""

from __future__ import annotations

import pytest

from agent.reproduction.confirmation import objection_to
from sandbox.runners.base import Outcome, TestResult


@pytest.mark.parametrize(
    ("statement", "shows"),
    [
        ("It raises KeyError.", True),
        ("An ExceptionGroup comes out.", True),
        ("It raises ValueError.", False),
    ],
)
def test_a_group_is_named_by_itself_or_by_what_is_in_it(statement: str, shows: bool) -> None:
    result = TestResult(
        test_id="t.py::test_it",
        outcome=Outcome.FAILED,
        exception="builtins.KeyError",
        message="KeyError: 'a'\nin ExceptionGroup: errors in a TaskGroup (1 sub-exception)",
    )
    assert (objection_to(result, statement) == "") is shows
