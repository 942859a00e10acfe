"""What a test measures with, read off its text and the patch."""

from __future__ import annotations

import pytest

from agent.patches.oracle_values import Measures, measures_of
from agent.selection.overfitting.anti_patterns import cautions_of

SHOP = """\
import contextlib

WANTED = 10
CASES = [(1, 5)]
VERSION = "1.1"


def price(count):
    return count * 3


def check(found, wanted):
    assert found == wanted


def same(found, wanted):
    return found == wanted


@contextlib.contextmanager
def quiet():
    yield


class Wanting:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        assert not error[0]
"""
CHANGED = {
    "WANTED": SHOP.replace("= 10", "= 6"),
    "CASES": SHOP.replace("5)]", "3)]"),
    "VERSION": SHOP.replace("1.1", "1.2"),
    "price": SHOP.replace("* 3", "* 5"),
    "check": SHOP.replace("assert found == wanted", "assert found"),
    "same": SHOP.replace("return found == wanted", "return True"),
    "quiet": SHOP.replace(
        "    yield\n", "    try:\n        yield\n    except Exception:\n        pass\n"
    ),
    "Wanting": SHOP.replace("assert not error[0]", "return True"),
}


def _found(name: str, body: str, called: str = "test_it") -> Measures:
    text = f"import shop\nfrom shop import *\n\n\ndef {called}():\n    {body}\n"
    changes = {"shop.py": (SHOP.encode(), CHANGED[name].encode())}
    return measures_of(changes, f"test_shop.py::{called}", "test_shop.py", {"test_shop.py": text})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("WANTED", "assert shop.price(2) == shop.WANTED"),
        ("WANTED", "found = price(2)\n    assert WANTED == found"),
        ("WANTED", "self.assertEqual(price(2), WANTED)"),
        ("WANTED", "assert price(2) == pytest.approx(shop.WANTED)"),
        ("CASES", "for a, b in shop.CASES:\n        assert price(a) == b"),
        ("CASES", "assert all(price(a) == b for a, b in CASES)"),
        ("check", "check(price(2), 10)"),
        ("same", "assert shop.same(price(2), 10)"),
        ("quiet", "with quiet():\n        assert price(2) == 10"),
        ("Wanting", "with Wanting():\n        assert price(2) == 10"),
    ],
)
def test_what_is_changed_is_the_measure(name: str, body: str) -> None:
    assert _found(name, body).named == f"`{name}`" or "__exit__" in _found(name, body).named


@pytest.mark.parametrize(
    ("name", "body", "called"),
    [
        ("VERSION", 'assert shop.VERSION == "1.2"', "test_it"),
        ("WANTED", "assert len(str(shop.WANTED)) == 1", "test_it"),
        ("CASES", "for a, b in CASES:\n        assert a < b", "test_it"),
        ("price", "check(price(2), 10)", "test_it"),
        ("check", "check(1, 2)", "test_it"),
        ("check", "check(price(2), 10)", "test_check"),
        ("check", "check(price(2), 10)\n    with raises(E):\n        check(1, 2)", "test_it"),
        ("quiet", "with quiet():\n        price(2)", "test_quiet"),
    ],
)
def test_what_is_changed_is_the_subject(name: str, body: str, called: str) -> None:
    assert not _found(name, body, called)


def test_the_examples_of_a_doctest_are_its_measure() -> None:
    before = 'def add(a, b=1):\n    """Sum.\n\n    >>> add(2)\n    3\n    """\n    return a - b\n'
    for old, new, changed in (("\n    3\n", "\n    1\n", True), ("a - b", "a + b", False)):
        changes = {"calc.py": (before.encode(), before.replace(old, new).encode())}
        assert measures_of(changes, "calc.py::calc.add", "calc.py", {}).examples == changed


def test_a_changed_measure_is_shown_with_the_patch() -> None:
    test = "import shop\n\n\ndef test_it():\n    assert shop.price(2) == shop.WANTED\n"
    both = CHANGED["WANTED"].replace("* 3", "* 4")
    found = cautions_of({"shop.py": (SHOP.encode(), both.encode())}, [test])
    assert any("measure with: `WANTED`" in one.sentence for one in found)
