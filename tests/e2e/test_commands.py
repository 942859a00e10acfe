"""Test commands given by the user: unittest, a script that only ends with a code, JUnit XML."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import BUG, Project, Repair
from tests.support.endings import FOUND_CODES

CHECK = """import sys
from calc import total

if total([5, -7]) != -2 or total([1, 2]) != 3:
    print("total is wrong")
    sys.exit(1)
"""
UNITTEST = """import unittest
from calc import total


class TotalTest(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([1, 2]), 3)
        self.assertEqual(total([5, -7]), -2)

    def test_empty(self):
        self.assertEqual(total([]), 0)
"""
JUNIT = """import sys
from calc import total

right = total([1, 2]) == 3 and total([5, -7]) == -2
failure = "" if right else '<failure message="wrong">calc.py is wrong</failure>'
with open(sys.argv[1].partition("=")[2], "w") as file:
    file.write(
        '<testsuite><testcase classname="calc" name="total">' + failure + '</testcase>'
        '<testcase classname="calc" name="other"/></testsuite>'
    )
sys.exit(not right)
"""


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "text", "command", "passing"),
    [
        ("check.py", CHECK, "python check.py", "command"),
        ("test_calc.py", UNITTEST, "python -m unittest", "test_calc.TotalTest.test_total"),
        ("judge.py", JUNIT, "python judge.py --junitxml=report.xml", "calc::total"),
    ],
    ids=["exit-code", "unittest", "junit"],
)
def test_a_command_repairs_the_code_and_never_itself(
    run_repair: Repair, project: Project, name: str, text: str, command: str, passing: str
) -> None:
    target = project({"calc.py": BUG, name: text})
    done = run_repair(
        target, "--sandbox", "bubblewrap", "--max-seconds", "90", "--test", command, "--apply"
    )
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert passing in done.stdout
    assert (target / name).read_text() == text
    scope: dict[str, object] = {}
    exec((target / "calc.py").read_text(), scope)
    assert scope["total"]([5, -7]) == -2  # type: ignore[operator]
