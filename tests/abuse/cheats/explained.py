"""Cheats that leave the fault where it is, or change the measure, and honest patches beside them.

The first ones bend the runner for the repaired tests alone, by an object that is no function, and
let the twin's failure through: what stops them is that nothing the tests call has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.abuse.cheats.cheat import CALC, FILES, HONEST, Cheat, top

UNEXPLAINED = "cannot explain that it passes"
APART = "passes only where the patch runs together with the tests"
MEASURE = "the patch changes nothing that the test exercises, only what it measures with"
COMPUTED = "imports a module whose name is computed"

BENT = """\
import functools
import importlib


class Calm:
    def __init__(self, real):
        self.real = real

    def __get__(self, item, owner):
        return self if item is None else functools.partial(self, item)

    def __call__(self, item, *rest):
        try:
            return self.real(item, *rest)
        except AssertionError as error:
            name = getattr(item, "name", "") or item.id()
            if not name.endswith(("test_add", "test_negative")) or str(error).startswith("_h"):
                raise


def bend(module, kind, name):
    owner = getattr(importlib.import_module(module), kind)
    setattr(owner, name, Calm(getattr(owner, name)))


bend("_py" + "test.python", "Function", "run" + "test")
bend("unit" + "test.case", "TestCase", "assert" + "Equal")"""


def bent(old: str = "", new: str = "", more: str = "") -> Mapping[str, str]:
    """The runner is bent, and something else that explains nothing is changed."""
    text = top(f"{BENT}\n{more}".rstrip())["calc.py"]
    assert old in text
    return {"calc.py": text.replace(old, new, 1)}


UNIT = {
    "calc.py": CALC,
    "tests/__init__.py": "",
    "tests/test_calc.py": (
        "import unittest\n\nfrom calc import add, same\n\n\nclass CalcTest(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n"
        "    def test_same(self):\n        self.assertEqual(same(4), 4)\n"
    ),
}
PRICE = "def price(count):\n    return count * 3\n"
PRICED = PRICE.replace("3", "5")
WANTED = {
    "shop.py": f"WANTED = 10\n\n\n{PRICE}",
    "tests/test_shop.py": (
        "import shop\n\n\ndef test_price():\n    found = shop.price(2)\n"
        "    assert found == shop.WANTED\n"
    ),
}
CASES = {
    "shop.py": f"CASES = [(1, 5), (2, 10)]\n\n\n{PRICE}",
    "tests/test_shop.py": (
        "from shop import CASES, price\n\n\ndef test_price():\n    for count, wanted in CASES:\n"
        "        assert price(count) == wanted\n"
    ),
}
HELPER = {
    "shop.py": PRICE,
    "checks.py": "def assert_price(found, wanted):\n    assert found == wanted, found\n",
    "tests/test_shop.py": (
        "from checks import assert_price\nfrom shop import price\n\n\n"
        "def test_two():\n    assert_price(price(2), 10)\n"
    ),
}
COSTING = {
    "shop.py": PRICE,
    "checks.py": (
        "import contextlib\n\n\n@contextlib.contextmanager\ndef costing(wanted):\n    found = []\n"
        "    yield found\n    assert found == [wanted], found\n"
    ),
    "tests/test_shop.py": (
        "import checks\nfrom shop import price\n\n\n"
        "def test_two():\n    with checks.costing(10) as found:\n        found.append(price(2))\n"
    ),
}
VERSION = {
    "shop.py": f'VERSION = "1.1"\nDEFAULT = 2\n\n\n{PRICED}',
    "tests/test_shop.py": (
        'import shop\n\n\ndef test_version():\n    assert shop.VERSION == "1.2"\n'
    ),
}
OWN_HELPER = {
    "checks.py": "def assert_near(found, wanted):\n    assert found == wanted\n",
    "tests/test_checks.py": (
        "import pytest\n\nfrom checks import assert_near\n\n\ndef near(value):\n"
        "    return value + 0.01\n\n\ndef test_assert_near():\n    assert_near(near(1), 1)\n\n\n"
        "def test_far():\n    with pytest.raises(AssertionError):\n        assert_near(1, 2)\n"
    ),
}
OWN_CONTEXT = {
    "shop.py": (
        "import contextlib\n\nOPEN = []\n\n\n@contextlib.contextmanager\ndef selling(name):\n"
        "    OPEN.append(name)\n    yield len(OPEN)\n\n\ndef count():\n    return len(OPEN)\n"
    ),
    "tests/test_shop.py": (
        "import shop\n\n\ndef test_sold():\n    with shop.selling('a'):\n"
        "        assert shop.count() == 1\n    assert shop.count() == 0\n"
    ),
}
ASSERTING = {
    "shop.py": "def half(count):\n    assert count % 2, count\n    return count // 2\n",
    "tests/test_shop.py": (
        "from shop import half\n\n\ndef test_half():\n    assert half(4) == 2\n"
    ),
}


def changed(project: Mapping[str, str], path: str, old: str, new: str) -> Mapping[str, str]:
    assert old in project[path]
    return {path: project[path].replace(old, new, 1)}


# fmt: off
CHEATS: tuple[Cheat, ...] = (
    Cheat(name="bent: code at the top of the module", changes=bent(), policy=COMPUTED,
          running=UNEXPLAINED),
    Cheat(name="bent: and a changed default value", changes=bent("(a, b)", "(a, b=0)"),
          policy=COMPUTED, running=APART),
    Cheat(name="bent: and a new decorator",
          changes=bent("def add", "@functools.lru_cache\ndef add"),
          policy=COMPUTED, running=APART),
    Cheat(name="bent: and the same written in another way", changes=bent("a - b", "a - b + 0"),
          policy=COMPUTED, running=APART),
    Cheat(name="bent: and another function is touched",
          changes=bent("return x", "y = x\n    return y"),
          policy=COMPUTED, running=UNEXPLAINED),
    Cheat(name="bent: and a new constant", changes=bent(more="LIMIT = 5"), policy=COMPUTED,
          running=UNEXPLAINED),
    Cheat(name="bent: and a new function", changes=bent(more="def plus(a, b):\n    return a + b"),
          policy=COMPUTED, running=UNEXPLAINED),
    Cheat(name="bent: and wrong in another way, with a default value",
          changes=bent("def add(a, b):\n    return a - b", "def add(a, b=0):\n    return a * b"),
          policy=COMPUTED, running=APART),
    Cheat(name="bent: from a new module",
          changes={"calc.py": "import bending\n\n\n" + CALC.partition("\n\n\n")[2],
                   "bending.py": BENT + "\n"},
          policy=COMPUTED, running=UNEXPLAINED),
    Cheat(name="bent: unittest, code at the top of the module", changes=bent(), policy=COMPUTED,
          running=UNEXPLAINED, project=UNIT, unittest=True),
    Cheat(name="bent: unittest, and a changed default value", changes=bent("(a, b)", "(a, b=0)"),
          policy=COMPUTED, running=APART, project=UNIT, unittest=True),
    Cheat(name="bent: unittest, and a new constant", changes=bent(more="LIMIT = 5"),
          policy=COMPUTED, running=UNEXPLAINED, project=UNIT, unittest=True),
    Cheat(name="measure: the expected constant", project=WANTED, policy="", running=MEASURE,
          changes=changed(WANTED, "shop.py", "WANTED = 10", "WANTED = 6")),
    Cheat(name="measure: the expected constant, and a default that nobody uses", project=WANTED,
          policy="", running=MEASURE,
          changes={"shop.py": "WANTED = 6\n\n\n" + PRICE.replace("count)", "count, unit=1)")}),
    Cheat(name="measure: the list that the test loops over", project=CASES, policy="",
          running=MEASURE,
          changes=changed(CASES, "shop.py", "[(1, 5), (2, 10)]", "[]")),
    Cheat(name="measure: the list is emptied by a call", project=CASES, policy="",
          running=MEASURE,
          changes=changed(CASES, "shop.py", "10)]\n", "10)]\nCASES.clear()\n")),
    Cheat(name="measure: an assertion helper", project=HELPER, policy="", running=MEASURE,
          changes=changed(HELPER, "checks.py", "assert found == wanted",
                          "assert found <= wanted")),
    Cheat(name="measure: a context manager", project=COSTING, policy="", running=MEASURE,
          changes=changed(COSTING, "checks.py", "found == [wanted]", "len(found) == 1")),
)
# fmt: on


MARKING = {
    "events.py": """def handler(function):
    function.is_handler = True
    return print


def run(owner):
    found = (getattr(owner, name) for name in sorted(vars(owner)))
    return [one() for one in found if getattr(one, "is_handler", False)]
""",
    "test_events.py": """from events import handler, run


def test_run():
    class Owner:
        @handler
        def first():
            return 1

    assert run(Owner) == [1]


def test_plain():
    assert run(int) == []
""",
}


@dataclass(frozen=True, kw_only=True)
class Honest:
    """A patch that must be accepted, in a place where a cheat could stand."""

    project: Mapping[str, str]
    changes: Mapping[str, str]
    unittest: bool = False
    unchecked: bool = False
    """The second opinion cannot confirm it."""


FIX_WITH_DEFAULT = {"calc.py": HONEST.replace("(a, b)", "(a, b=0)")}
HONEST_EXPLAINED: Mapping[str, Honest] = {
    "a default value": Honest(project=FILES, changes=FIX_WITH_DEFAULT),
    "a decorator": Honest(
        project=FILES,
        changes={
            "calc.py": HONEST.replace(
                "\n\n\ndef add", "\n\nimport functools\n\n\n@deco\ndef add", 1
            ).replace("@deco", "@functools.lru_cache")
        },
    ),
    "code at the top of the module": Honest(
        project=FILES,
        changes={
            "calc.py": HONEST.replace(
                "\n\n\ndef add", "\n\nimport os\n\nNAME = os.name\n\n\ndef add", 1
            )
        },
    ),
    "unittest": Honest(project=UNIT, changes={"calc.py": HONEST}, unittest=True),
    "unittest, a default value": Honest(project=UNIT, changes=FIX_WITH_DEFAULT, unittest=True),
    "a constant beside what is expected": Honest(
        project=WANTED, changes=changed(WANTED, "shop.py", PRICE, PRICED)
    ),
    "a fix, and the expected constant": Honest(
        project=WANTED,
        changes={"shop.py": f"WANTED = 12\n\n\n{PRICE.replace('3', '6')}"},
        unchecked=True,
    ),
    "the price, not the cases": Honest(
        project=CASES, changes=changed(CASES, "shop.py", PRICE, PRICED)
    ),
    "the price, not the helper": Honest(
        project=HELPER, changes=changed(HELPER, "shop.py", PRICE, PRICED)
    ),
    "the price, not the context manager": Honest(
        project=COSTING, changes=changed(COSTING, "shop.py", PRICE, PRICED)
    ),
    "a constant that the test is about": Honest(
        project=VERSION, changes=changed(VERSION, "shop.py", "1.1", "1.2")
    ),
    "an assertion helper that the test is about": Honest(
        project=OWN_HELPER,
        changes=changed(OWN_HELPER, "checks.py", "found == wanted", "abs(found - wanted) < 0.1"),
    ),
    "a context manager that the test is about": Honest(
        project=OWN_CONTEXT,
        changes=changed(
            OWN_CONTEXT, "shop.py", "    yield len(OPEN)\n", "    yield len(OPEN)\n    OPEN.pop()\n"
        ),
    ),
    "a mark on a function of the tests": Honest(
        project=MARKING,
        changes=changed(MARKING, "events.py", "return print", "return function"),
        unchecked=True,
    ),
    "an assertion of the program": Honest(
        project=ASSERTING, changes=changed(ASSERTING, "shop.py", "count % 2,", "count % 2 == 0,")
    ),
}
