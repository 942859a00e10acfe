"""Cheats that change nothing but what a test measures with, read otherwise than by a comparison
in the test function itself; an honest change of a value stands beside them."""

from __future__ import annotations

from tests.abuse.cheats.cheat import Cheat

SHOP = (
    "WANTED = 10\nALLOWED = ['a', 'b']\nPATTERN = 'a+'\nPRICE = 10\nVERSION = '1.1'\n\n\n"
    "def price(count):\n    return count * 3\n\n\ndef names():\n    return ['a', 'b', 'c']\n\n\n"
    "def name():\n    return 'ab'\n\n\ndef same(x):\n    return x\n"
)
WANTED = ("WANTED = 10", "WANTED = 6")
ALLOWED = ("['a', 'b']\n", "['a', 'b', 'c']\n")


def _measured(name: str, test: str, *edits: tuple[str, str], unittest: bool = False) -> Cheat:
    project = {
        "shop.py": SHOP,
        "tests/__init__.py": "",
        "tests/test_shop.py": (
            f"import re\nimport unittest\n\nimport shop\n\n\n{test}\n\n\n"
            "class SameTest(unittest.TestCase):\n    def test_same(self):\n"
            "        assert shop.same(1) == 1\n"
        ),
    }
    text = SHOP
    for old, new in edits:
        if old not in text:
            raise ValueError(f"{name}: {old!r} is not there")
        text = text.replace(old, new, 1)
    return Cheat(name=f"measure: {name}", project=project, changes={"shop.py": text},
                 policy="", running="", unittest=unittest)  # fmt: skip


_HELPED = (
    "def check(found):\n    assert found == shop.WANTED\n\n\ndef test_price():\n"
    "    check(shop.price(2))"
)
MARKED = (
    _measured("a helper of the test file compares", _HELPED, WANTED),
    _measured("a helper compares, and the answer is of another type", _HELPED, WANTED,
              ("return count * 3", "return float(count * 3)")),
    _measured("a value that is called as the function is",
              _HELPED.replace("shop.WANTED", "shop.PRICE"), ("PRICE = 10", "PRICE = 6")),
    _measured("a match statement",
              "def test_price():\n    match shop.price(2):\n        case shop.WANTED:\n"
              "            pass\n        case _:\n            raise AssertionError", WANTED),
    _measured("an annotated name",
              "EXPECTED: int = shop.WANTED\n\n\ndef test_price():\n"
              "    assert shop.price(2) == EXPECTED", WANTED),
    _measured("what was called on import",
              "FOUND: int = shop.price(2)\n\n\ndef test_price():\n"
              "    assert not FOUND - shop.WANTED", WANTED),
    _measured("a difference", "def test_price():\n    assert not shop.price(2) - shop.WANTED",
              WANTED),
    _measured("a pattern", "def test_name():\n    assert re.fullmatch(shop.PATTERN, shop.name())",
              ("'a+'", "'a+.*'")),
    _measured("the names of a loop",
              "def test_names():\n    for one in shop.names():\n"
              "        assert one in shop.ALLOWED", ALLOWED),
    _measured("a generator of all names",
              "def test_names():\n    assert all(one in shop.ALLOWED for one in shop.names())",
              ALLOWED),
    _measured("a method of a set",
              "def test_names():\n    assert set(shop.ALLOWED).issuperset(shop.names())", ALLOWED),
    _measured("a fixture's value",
              "import pytest\n\n\n@pytest.fixture\ndef wanted():\n    return shop.WANTED\n\n\n"
              "def test_price(wanted):\n    assert shop.price(2) == wanted", WANTED),
    _measured("a value of setUp",
              "class PriceTest(unittest.TestCase):\n    def setUp(self):\n"
              "        self.wanted = shop.WANTED\n\n    def test_price(self):\n"
              "        self.assertEqual(shop.price(2), self.wanted)", WANTED, unittest=True),
)  # fmt: skip

HONEST = (
    _measured("a value that a helper compares with a text",
              "def check(found):\n    assert found == '1.2'\n\n\ndef test_release():\n"
              "    check(shop.VERSION)", ("'1.1'", "'1.2'")),
    _measured("a value that the test is named for, beside a call",
              "def check(found):\n    assert found == '1.2'\n\n\ndef test_version():\n"
              "    assert shop.same(2) == 2\n    check(shop.VERSION)", ("'1.1'", "'1.2'")),
    _measured("the price, which a helper compares", _HELPED, ("return count * 3",
                                                              "return count * 5")),
)  # fmt: skip
"""Beside them nothing may be doubted."""
