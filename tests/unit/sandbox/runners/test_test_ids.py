"""One reading of a test id for everybody."""

from __future__ import annotations

import pytest

from sandbox.runners.test_ids import (
    contains,
    file_of,
    id_in_file,
    is_doctest,
    is_selected,
    locate,
    name_in_file,
    named_file,
)

PATHS = ("tests/test_a.py", "pkg/tests/test_b.py", "one/test_c.py", "two/test_c.py")


@pytest.mark.parametrize(
    ("test_id", "path", "names"),
    [
        ("tests/test_a.py::test_x", "tests/test_a.py", ("test_x",)),
        ("tests/test_a.py::Case::test_x[a::b-1.5]", "tests/test_a.py", ("Case", "test_x")),
        ("tests/test_a.py", "tests/test_a.py", ()),
        ("tests.test_a.Case.test_x", "tests/test_a.py", ("Case", "test_x")),
        ("tests.test_b.Case.test_x", "pkg/tests/test_b.py", ("Case", "test_x")),
        ("test_a", "tests/test_a.py", ()),
        ("one.test_c.Case.test_x", "one/test_c.py", ("Case", "test_x")),
        ("test_c.Case.test_x", None, ()),
        ("tests/gone.py::test_x", None, ()),
        ("", None, ()),
    ],
)
def test_where_a_test_lies(test_id: str, path: str | None, names: tuple[str, ...]) -> None:
    assert locate(test_id, PATHS) == (path, names)
    assert file_of(test_id, PATHS) == path


@pytest.mark.parametrize(
    ("selector", "test_id", "expected"),
    [
        ("a.py::test_x", "a.py::test_x", True),
        ("a.py::test_x", "a.py::test_x[1]", True),
        ("a.py::test_x", "a.py::test_x_long", False),
        ("a.py::Case", "a.py::Case::test_x", True),
        ("a.py::Case", "a.py::CaseOfOthers::test_x", False),
        ("a.py", "a.py::test_x", True),
        ("tests", "tests/test_a.py::test_x", True),
        ("test", "tests/test_a.py::test_x", False),
        ("pkg.test_a", "pkg.test_a.Case.test_x", True),
        ("pkg.test_a", "pkg.test_ab.Case.test_x", False),
        ("a.py::test_x", "a.py", True),
        ("src/app/tests.py::Case::test_x", "app.tests.Case.test_x", True),
        ("src/app/tests.py::Case", "app.tests.Case.test_x", True),
        ("src/app/tests.py", "app.tests.Case.test_x", True),
        ("app/tests.py::Case::test_x", "app.tests.Case.test_x_long", False),
        ("app/tests.py::Case::test_x", "other.app.tests.Case.test_x", False),
        ("app/tests.py::Other", "app.tests.Case.test_x", False),
    ],
)
def test_a_selector_names_whole_parts(selector: str, test_id: str, expected: bool) -> None:
    assert is_selected(test_id, [selector]) is expected
    assert is_selected(test_id, ["elsewhere.py", selector]) is expected
    assert not is_selected(test_id, [])


def test_names_in_a_file() -> None:
    assert name_in_file("a/test_b.py::Case::test_c[x::y]", "a/test_b.py") == "Case.test_c"
    assert name_in_file("a.test_b.Case.test_c", "a/test_b.py") == "Case.test_c"
    assert name_in_file("tests.tests.Case.test_c", "tests/tests.py") == "Case.test_c"
    assert name_in_file("mytests.tests.Case.test_c", "app/mytests/tests.py") == "Case.test_c"
    assert contains("a.py", "a.py::test")
    assert not contains("a.py", "a.pyx::test")


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        ("a/test_b.py::test_c", "a/test_new.py::Case::test_d"),
        ("a/test_b.py", "a/test_new.py::Case::test_d"),
        ("a.test_b.Old.test_c", "a.test_new.Case.test_d"),
        ("test_b.Old.test_c", "test_new.Case.test_d"),
    ],
)
def test_a_new_id_is_spelled_as_its_neighbour(like: str, expected: str) -> None:
    new_id = id_in_file("a/test_new.py", "Case", "test_d", like=like, like_file="a/test_b.py")
    assert new_id == expected


@pytest.mark.parametrize(
    ("test_id", "expected"),
    [
        ("pkg/calc.py::pkg.calc", True),
        ("src/pkg/calc.py::pkg.calc.add", True),
        ("calc.py::calc.Box.size", True),
        ("pkg/__init__.py::pkg.add", True),
        ("README.rst::README.rst", True),
        ("pkg/calc.py::test_add", False),
        ("pkg/calc.py::calculated::test_add", False),
        ("pkg/calc.py", False),
        ("pkg.calc.Case.test_a", False),
    ],
)
def test_examples_in_docstrings_are_told_from_functions(test_id: str, expected: bool) -> None:
    assert is_doctest(test_id) is expected


@pytest.mark.parametrize(
    ("test_id", "path"),
    [
        ("tests/test_a.py::Case::test_x[a::b]", "tests/test_a.py"),
        ("tests/test_a.py", "tests/test_a.py"),
        ("tests.test_a.Case.test_x", "tests.test_a.Case.test_x"),
    ],
)
def test_the_file_that_an_id_names(test_id: str, path: str) -> None:
    assert named_file(test_id) == path
