"""Patches that the base cannot stand in for are compared with themselves, where no test runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.verdict_case import open_case, strongest_sandbox, this_environment

pytestmark = pytest.mark.nightly

SETTINGS = "RATE = {}\n"
SHOP = "import settings\n\n\ndef price(count):\n    return count * settings.RATE\n"
TEST = "from shop import price\n\n\ndef test_price():\n    assert price(2) == 10\n"
HERE = "5 if os.getcwd() == os.path.dirname(os.path.abspath(__file__)) else 3"


def test_a_constant_is_looked_at_where_it_is_used() -> None:
    files = {"settings.py": SETTINGS.format(3), "shop.py": SHOP, "tests/test_shop.py": TEST}
    files["old.py"] = "print 'for another Python'\n"
    with open_case(files) as case:
        good = case.validate({"settings.py": SETTINGS.format(5)})
        bad = case.validate({"settings.py": "import os\n\n" + SETTINGS.format(HERE)})
    assert good.plausible, good.objections
    assert good.unchecked == ()
    (objection,) = bad.objections
    # There the constant is as on the base, and so is all that the test calls.
    assert "cannot explain that it passes" in objection


STATE = """\
NAMES = []


def register(name):
    NAMES.append(name)


def count(extra):
    return len(NAMES) - extra
"""
STATE_TEST = (
    "from names import NAMES, count, register\n\n\n"
    "def test_by_the_project():\n    register('a')\n    assert count(1) == 2\n\n\n"
    "def test_by_hand():\n    NAMES[:] = ['a', 'b']\n    assert count(1) == 3\n"
)


def test_what_depends_on_what_the_test_did_before_is_not_held_against_a_patch() -> None:
    """What the project does for the test is done in the other sandbox as well; the rest is not."""
    with open_case({"names.py": STATE, "tests/test_names.py": STATE_TEST}) as case:
        fixed = STATE.replace("- extra", "+ extra").replace("(extra)", "(extra=0)")
        verdict = case.validate({"names.py": fixed})
    assert verdict.plausible, verdict.objections
    (why,) = verdict.unchecked
    assert why.startswith("tests/test_names.py::test_by_hand: ")


LOCKED = """\
import threading


class Counter:
    def __init__(self, step):
        self.step = step
        self.lock = threading.Lock()

    def next(self, value):
        return value - self.step

    def under_lock(self, value):
        with self.lock:
            return value
"""
LOCKED_TEST = (
    "from counter import Counter\n\n\n"
    "def test_next():\n    assert Counter(2).next(3) == 5\n\n\n"
    "def test_under_lock():\n    assert Counter(2).under_lock(3) == 3\n"
)


def test_an_object_that_holds_a_lock_can_be_asked_as_long_as_the_lock_is_not() -> None:
    with open_case({"counter.py": LOCKED, "tests/test_counter.py": LOCKED_TEST}) as case:
        free = case.validate({"counter.py": LOCKED.replace("value -", "value +")})
        held = LOCKED.replace(
            "        return value -", "        with self.lock:\n            return value +"
        )
        taken = case.validate({"counter.py": held})
    assert free.plausible, free.objections
    assert free.unchecked == ()
    assert taken.plausible, taken.objections
    (why,) = taken.unchecked
    assert "stayed on the other side is used" in why


def test_a_function_that_ends_the_program_does_so_in_both_places() -> None:
    source = "def main(code):\n    return code\n"
    fixed = "def main(code=0):\n    raise SystemExit(code + 1)\n"
    test = (
        "import pytest\n\nfrom app import main\n\n\n"
        "def test_main():\n    with pytest.raises(SystemExit) as end:\n        main(2)\n"
        "    assert end.value.code == 3\n"
    )
    with open_case({"app.py": source, "tests/test_app.py": test}) as case:
        verdict = case.validate({"app.py": fixed})
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked  # its code cannot be seen


def test_modules_of_the_project_do_not_hide_those_of_python(tmp_path: Path) -> None:
    """With PYTHONPATH as the environment of a project has it."""
    hidden = {f"{name}.py": "HERE = True\n" for name in ("types", "logging", "json", "enum", "gc")}
    files = {**hidden, "settings.py": SETTINGS.format(3), "shop.py": SHOP}
    files["tests/test_shop.py"] = TEST
    environment = replace(this_environment(), variables={"PYTHONPATH": "{workspace}"})
    with open_case(files, place=(strongest_sandbox(tmp_path), environment)) as case:
        verdict = case.validate({"shop.py": SHOP.replace("return ", "return 4 + ")})
    assert verdict.plausible, verdict.objections
    assert verdict.unchecked == ()
