"""Where a test that is written for a statement goes."""

from __future__ import annotations

from agent.reproduction.test_location import TestLocation, place_for

TEXTS = {
    "tests/test_big.py": "from shop import prices\ndef test_price(): prices.total()",
    "tests/units/test_units.py": "from shop.units import parse_amount\ndef test_units(): ...",
}
TESTS = (*(f"tests/test_big.py::test_{n}" for n in range(9)), "tests/units/test_units.py::test_it")


def beside(statement: str) -> str | None:
    place = place_for(statement, TESTS, TEXTS.keys(), TEXTS.__getitem__)
    return place and place.beside


def test_the_file_that_names_the_thing_comes_before_the_file_with_most_tests() -> None:
    assert beside("parse_amount('2 lb') raises KeyError") == "tests/units/test_units.py"
    assert beside("The units of a shop are lost.") == "tests/units/test_units.py"
    assert beside("total() of the prices is wrong") == "tests/test_big.py"


def test_a_statement_that_names_nothing_leaves_the_file_with_most_tests() -> None:
    assert beside("It does not work!") == "tests/test_big.py"
    assert place_for("x", (), ()) is None


def test_a_module_with_examples_is_no_place_for_tests_where_there_are_files_of_them() -> None:
    examples = [f"shop/units.py::shop.units.parse_amount_{n}" for n in range(20)]
    statement = "In shop/units.py parse_amount goes wrong"
    paths = [*TEXTS, "shop/units.py"]

    def place(tests: list[str]) -> str:
        found = place_for(statement, tests, paths, lambda p: TEXTS.get(p, p), is_test)
        assert found is not None
        return found.beside

    def is_test(path: str) -> bool:
        return path.startswith("tests/")

    assert place([*examples, *TESTS]) == "tests/units/test_units.py"
    assert place(examples) == "shop/units.py"


def test_parameters_belong_to_the_id() -> None:
    place = TestLocation(
        path="tests/test_i.py", beside="tests/test_a.py", style="tests/test_a.py::test_a"
    )
    assert place.id_of("Case.test_x[1.5-a]") == "tests/test_i.py::Case::test_x[1.5-a]"
    assert place.id_of("test_x") == "tests/test_i.py::test_x"
