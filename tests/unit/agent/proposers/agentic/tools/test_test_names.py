"""What people write to name tests."""

from __future__ import annotations

import pytest

from agent.proposers.agentic.tools.test_names import named_tests, near_names

KNOWN = (
    "tests/test_shelf.py::test_total",
    "tests/test_shelf.py::TestShelf::test_add",
    "tests/test_shelf.py::TestShelf::test_sizes[a b-1]",
    "tests/test_shelf.py::TestShelf::test_sizes[2, 3]",
    "tests/unit/test_units.py::test_kilo",
)
DOTTED = ("tests.test_shelf.ShelfTest.test_add", "tests.test_units.UnitTest.test_kilo")


def ids(argument: object, known: tuple[str, ...] = KNOWN) -> tuple[str, ...]:
    files = {"tests/test_new.py", "tests/test_shelf.py"}
    return named_tests(argument, known, files.__contains__, "/workspace").ids


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tests/test_shelf.py", ["tests/test_shelf.py"]),
        ("/workspace/tests/test_shelf.py", ["tests/test_shelf.py"]),
        ("./tests/unit/", ["tests/unit"]),
        ("tests/test_shelf.py::TestShelf", ["tests/test_shelf.py::TestShelf"]),
        (
            "tests/test_shelf.py::TestShelf::test_sizes",
            ["tests/test_shelf.py::TestShelf::test_sizes"],
        ),
        (KNOWN[2], [KNOWN[2]]),
        (f"{KNOWN[2]} {KNOWN[0]}", [KNOWN[2], KNOWN[0]]),
        (f"{KNOWN[0]},{KNOWN[4]}", [KNOWN[0], KNOWN[4]]),
        (f"{KNOWN[3]}\n'{KNOWN[0]}'", [KNOWN[3], KNOWN[0]]),
        (list(KNOWN[:2]), list(KNOWN[:2])),
        (f'["{KNOWN[0]}", "{KNOWN[4]}"]', [KNOWN[0], KNOWN[4]]),
        ("test_total", [KNOWN[0]]),
        ("TestShelf::test_add", [KNOWN[1]]),
        ("TestShelf.test_add", [KNOWN[1]]),
        ("test_sizes[a b-1]", [KNOWN[2]]),
        ("test_units", [KNOWN[4]]),
        ("test_units.py::test_kilo", [KNOWN[4]]),
        ("python -m pytest -x tests/test_shelf.py", ["tests/test_shelf.py"]),
        ("tests/test_new.py::test_of_mine", ["tests/test_new.py::test_of_mine"]),
        ("test_tot", []),
    ],
)
def test_what_is_meant(written: object, meant: list[str]) -> None:
    assert list(ids(written)) == meant


def test_dotted_ids_are_found_by_files_and_classes_too() -> None:
    assert ids("tests/test_shelf.py", DOTTED) == DOTTED[:1]
    assert ids("tests/test_units.py::UnitTest", DOTTED) == DOTTED[1:]
    assert ids("ShelfTest", DOTTED) == DOTTED[:1]


def test_what_names_nothing_is_told_with_what_is_near() -> None:
    named = named_tests("test_totals -v", KNOWN, lambda _: False, "/workspace")
    assert named.unknown == ("test_totals",)
    assert named.options == ("-v",)
    assert near_names("test_totals", KNOWN)[0] == KNOWN[0]
    assert near_names("sizes", KNOWN) == [KNOWN[2]]
