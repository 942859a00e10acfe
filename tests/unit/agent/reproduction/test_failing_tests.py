"""Which failing tests a statement is about."""

from __future__ import annotations

import pytest

from agent.reproduction.failing_tests import failing_about, failing_named

FAILING = ("tests/test_shelf.py::TestShelf::test_adds_up[a]", "tests/test_locale.py::test_it")
SOURCES = {
    FAILING[0]: "def test_adds_up(a):\n    assert Shelf().total() == 3",
    FAILING[1]: "def test_it():\n    assert locale.format_string('%d', 1000) == '1.000'",
}


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("test_adds_up fails since the last release", FAILING[:1]),
        (f"See {FAILING[1]}.", FAILING[1:]),
        ("What test_it does is no name", ()),
        ("Amounts are lost.", ()),
        ("The tests fail on main", FAILING),
        ("CI is red", FAILING),
        ("Two failing tests: test_adds_up", FAILING[:1]),
        ("Sums are wrong. See the tests.", ()),
    ],
)
def test_a_statement_may_name_a_test(statement: str, named: tuple[str, ...]) -> None:
    assert failing_named(statement, FAILING) == named


def test_a_statement_may_speak_of_what_a_test_uses() -> None:
    found = failing_about("Shelf: the total is too small", FAILING, SOURCES.__getitem__)
    assert found == FAILING[:1]
    assert failing_about("Nothing works", FAILING, SOURCES.__getitem__) == ()
    assert failing_about("Sums! See the tests.", FAILING, SOURCES.__getitem__) == FAILING
