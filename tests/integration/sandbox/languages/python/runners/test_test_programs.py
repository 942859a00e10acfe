"""Programs that hand their tests to unittest, and pytest inside of them: one id a test, the
program's own set-up once a process."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

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


OWN_RESULTS = """
import unittest

class Failure:
    "What Twisted's trial hands to a result in the place of the triple of sys.exc_info."
    def __init__(self, error): self.value = error

class Case(unittest.TestCase):
    def run(self, result=None):
        result.startTest(self)
        try:
            getattr(self, self._testMethodName)()
        except AssertionError as error:
            result.addFailure(self, Failure(error))
        except Exception as error:
            result.addError(self, Failure(error))
        else:
            result.addSuccess(self)
        result.stopTest(self)

class ErrorHolder(Case):
    "What trial puts in the place of a module that it cannot load."
    def __init__(self, name, error):
        super().__init__("id")
        self.name, self.error = name, (type(error), error, None)
    def id(self): return self.name

class A(Case):
    def test_a(self): self.assertEqual(1, 2)
    def test_b(self): raise KeyError("gone")
    def test_c(self): pass

def load_tests(loader, tests, pattern):
    tests.addTest(ErrorHolder("klein.app", ImportError("no resource")))
    return tests
"""


def test_failures_and_modules_that_trial_could_not_load(open_project: Open) -> None:
    runner = UnittestRunner(python=sys.executable, args=("cases",))
    session = open_project({"cases.py": OWN_RESULTS})
    report = runner.run(session, timeout_seconds=120, test_timeout_seconds=10)
    assert {name: (r.outcome, r.message) for name, r in report.results.items()} == {
        "cases.A.test_a": (FAILED, "AssertionError: 1 != 2"),
        "cases.A.test_b": (FAILED, "KeyError: 'gone'"),
        "cases.A.test_c": (PASSED, ""),
    }
    assert report.finished
    assert "no resource" in report.collection_errors["klein.app"]


def test_a_program_that_breaks_among_its_tests_did_not_come_to_its_end(open_project: Open) -> None:
    """Else "all 1 tests pass" would be said of three."""
    broken = OWN_RESULTS.replace("result.addFailure(self, Failure(error))", "result.nothing()")
    runner = UnittestRunner(python=sys.executable, args=("cases.A.test_c", "cases.A.test_a"))
    session = open_project({"cases.py": broken})
    report = runner.run(session, timeout_seconds=120, test_timeout_seconds=10)
    assert report.results["cases.A.test_c"].outcome is PASSED
    assert not report.finished


@pytest.mark.parametrize(
    ("named", "names"),
    [
        ("odd_cases.A.test_same", ["test_same"]),
        ("api/odd_cases.py::A::test_same", ["test_same"]),
        ("api/odd_cases.py", ["test_add", "test_exits", "test_here", "test_same"]),
        ("api/odd.py", []),
    ],
)
def test_only_the_tests_that_are_named_are_run(
    open_project: Open, named: str, names: list[str]
) -> None:
    report = script_runner().run(open_project(FILES), [named], timeout_seconds=120)
    assert sorted(report.results) == [f"odd_cases.A.{name}" for name in names]


def test_a_program_that_fails_before_its_tests_did_not_finish(open_project: Open) -> None:
    broken = {**FILES, "api/state.py": "raise ValueError('no settings')\n"}
    report = script_runner().run(open_project(broken), timeout_seconds=120)
    assert (report.finished, report.results) == (False, {})
    assert report.command.stdout.strip().endswith("ValueError: no settings")


CHECK = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): assert {}\n"
TWICE = {
    "unit/test_a.py": CHECK.format(True),
    "system/test_a.py": CHECK.format(False),
    "system/test_b.py": CHECK.format(True),
}


def two_discoveries() -> UnittestRunner:
    def discovery(start: str) -> UnittestRunner:
        return UnittestRunner(
            python=sys.executable, args=("discover", "-s", start), import_roots=(".", start)
        )

    return replace(discovery("unit"), more=(discovery("system"),))


def test_several_commands_are_one_run(open_project: Open) -> None:
    session = open_project(TWICE)
    report = two_discoveries().run(session, timeout_seconds=120)
    outcomes = {name: result.outcome for name, result in report.results.items()}
    assert outcomes == {"test_a.A.test_a": FAILED, "test_b.A.test_a": PASSED}
    assert (report.finished, report.collected) == (True, 2)
    only = two_discoveries().run(session, ["system/test_b.py"], timeout_seconds=120)
    assert (list(only.results), only.finished) == (["test_b.A.test_a"], True)


def test_a_command_that_takes_all_the_time_leaves_none_to_the_next(open_project: Open) -> None:
    hangs = CHECK.format("__import__('time').sleep(600)")
    report = two_discoveries().run(
        open_project({**TWICE, "unit/test_a.py": hangs}), timeout_seconds=3
    )
    assert list(report.results) == ["test_a.A.test_a"]
    assert (report.finished, report.command.timed_out) == (False, True)


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
