"""Programs that hand their tests to unittest, and pytest inside of them: one id a test, the
program's own set-up once a process."""

from __future__ import annotations

import sys
from dataclasses import replace

from sandbox.languages.python.forking_evaluator import (
    EvaluatorSettings,
    ForkingEvaluator,
    evaluations,
)
from sandbox.languages.python.runners.pytest import PytestRunner
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import Outcome
from tests.support.runner_case import Open, edit, open_project, setup

__all__ = ["open_project"]

CALC = "def add(a, b):\n    return a * b\n"
SCRIPT = """
import sys, unittest
import state
state.opened.append("database")
class Runner(unittest.TextTestRunner):
    def run(self, test):
        raise SystemExit("this one reports to nobody")
suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
result = Runner(verbosity=2).run(suite)
sys.exit(not result.wasSuccessful())
"""
CASES = """
import os, unittest
import calc, state
class A(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        assert state.opened == ["database"]
    def test_add(self): self.assertEqual(calc.add(2, 3), 5)
    def test_exits(self): os._exit(3)
    def test_same(self): self.assertEqual(calc.add(2, 2), 4)
    def test_here(self): self.assertTrue(os.path.exists("here.txt"))
"""
FILES = {
    "api/calc.py": CALC,
    "api/state.py": "opened = []\n",
    "api/check.py": SCRIPT,
    "api/here.txt": "",
    "api/odd_cases.py": CASES,
}
PASSED, FAILED, CRASHED = Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED


def script_runner() -> UnittestRunner:
    return UnittestRunner(
        python=sys.executable, program=("check.py",), args=("odd_cases",), folder="api"
    )


def test_a_script_is_run_up_to_its_tests_each_of_which_is_reported(open_project: Open) -> None:
    report = script_runner().run(open_project(FILES), timeout_seconds=120, test_timeout_seconds=10)
    outcomes = {name: result.outcome for name, result in report.results.items()}
    assert outcomes == {
        "odd_cases.A.test_add": FAILED,
        "odd_cases.A.test_exits": CRASHED,
        "odd_cases.A.test_here": PASSED,
        "odd_cases.A.test_same": PASSED,
    }
    assert report.finished
    assert report.results["odd_cases.A.test_add"].frames[0].path == "api/odd_cases.py"


def test_only_the_tests_that_are_named_are_run(open_project: Open) -> None:
    names = ["odd_cases.A.test_same"]
    report = script_runner().run(open_project(FILES), names, timeout_seconds=120)
    assert list(report.results) == names


def test_a_program_that_fails_before_its_tests_did_not_finish(open_project: Open) -> None:
    broken = {**FILES, "api/state.py": "raise ValueError('no settings')\n"}
    report = script_runner().run(open_project(broken), timeout_seconds=120)
    assert (report.finished, report.results) == (False, {})
    assert report.command.stdout.strip().endswith("ValueError: no settings")


def test_pytest_and_the_evaluator_run_inside_of_the_program(open_project: Open) -> None:
    inside = replace(setup(), folder="api", program=("check.py",), program_args=("odd_cases",))
    names = ["api/odd_cases.py::A::test_add", "api/odd_cases.py::A::test_here"]
    session = open_project(FILES)
    report = PytestRunner(inside).run(session, names, timeout_seconds=120)
    assert [report.results[name].outcome for name in names] == [FAILED, PASSED]
    settings = EvaluatorSettings(
        setup=inside,
        targets=names[:1],
        regressions=["api/odd_cases.py::A::test_same", names[1]],
        workers=1,
        test_timeout_seconds=20.0,
    )
    with ForkingEvaluator(session, settings) as evaluator:
        assert evaluator.wait_ready(120.0) == "fast"
        for number, text in enumerate(("a - b", "a + b", "b ** a")):
            evaluator.submit(number, [edit("api/calc.py", CALC, "a * b", text)])
        states = {done.number: done.state for done in evaluations(evaluator, 120.0)}
    assert states == {0: "target_failed", 1: "passed", 2: "target_failed"}


def test_a_file_that_starts_its_own_tests_can_be_collected(open_project: Open) -> None:
    files = {"calc.py": CALC, "checks.py": CASES.replace("state", "calc") + "\nunittest.main()\n"}
    files["checks.py"] = files["checks.py"].replace('assert calc.opened == ["database"]', "pass")
    report = PytestRunner(replace(setup(), args=("checks.py",))).run(
        open_project(files), timeout_seconds=120
    )
    assert report.results["checks.py::A::test_same"].outcome is PASSED
    assert not report.collection_errors


def test_a_module_is_run_as_python_runs_it(open_project: Open) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/selftest/__init__.py": "",
        "pkg/selftest/__main__.py": "import unittest\n"
        "unittest.main('pkg.selftest.cases', argv=['x'])\n",
        "pkg/selftest/cases.py": "import unittest\n"
        "class A(unittest.TestCase):\n    def test_a(self): pass\n",
    }
    runner = UnittestRunner(python=sys.executable, program=("-m", "pkg.selftest"))
    report = runner.run(open_project(files), timeout_seconds=120)
    assert {n: r.outcome for n, r in report.results.items()} == {
        "pkg.selftest.cases.A.test_a": PASSED
    }
