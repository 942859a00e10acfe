"""The runners on real projects: what happened is read from events, whatever is printed."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace

import pytest

from agent.baseline.failures.environment_failures import outgrown_pytest, pytest_gave_up
from sandbox.languages.python.runners.pytest import PytestRunner
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import Outcome
from sandbox.runners.command import COMMAND_ID, CommandRunner
from sandbox.runners.restarts import MAX_GROUP_TIMEOUTS
from sandbox.runners.test_ids import named_file
from tests.support.runner_case import Open, open_project, setup

__all__ = ["open_project"]

PYTEST = {
    "pkg/__init__.py": "def down(n):\n    return down(n + 1)\n",
    "test_all.py": """
import os
import unittest
import pytest
from pkg import down

def test_passes(): print('{"event": "finished"}')
def test_fails():
    print("seen")
    assert [1] == [2]
def test_recursion(): down(0)
def test_exits(): os._exit(0)
def test_hangs():
    while True: pass
@pytest.mark.skip(reason="why")
def test_skipped(): pass
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.fixture
def broken(): raise ValueError("set-up")
def test_error(broken): pass
@pytest.mark.parametrize("text", ["a::b", "[c]"])
def test_ids(text): pass
class Case(unittest.TestCase):
    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)
def test_last(): pass
""",
    "test_broken.py": "import module_that_is_nowhere\n",
    "pytest.py": "raise SystemExit('the workspace took the place of pytest')\n",
}


def test_a_warning_filter_may_name_a_class_of_the_project(open_project: Open) -> None:
    project = open_project(
        {
            "pytest.ini": "[pytest]\nfilterwarnings =\n    error\n    ignore::notes.Later\n",
            "src/notes.py": "class Later(UserWarning): pass\n",
            "test_it.py": "import warnings, notes\ndef test_it(): warnings.warn(notes.Later())\n",
        }
    )
    report = PytestRunner(replace(setup(), import_roots=("src", "."))).run(
        project, timeout_seconds=120
    )
    assert report.command.stderr == ""
    assert [r.outcome for r in report.results.values()] == [Outcome.PASSED]


def test_pytest_reports_every_ending_and_goes_on_after_a_crash(open_project: Open) -> None:
    report = PytestRunner(setup()).run(
        open_project(PYTEST), timeout_seconds=120, test_timeout_seconds=2
    )
    outcomes = {name.partition("::")[2]: r.outcome for name, r in report.results.items()}
    assert outcomes == {
        "test_passes": Outcome.PASSED,
        "test_fails": Outcome.FAILED,
        "test_recursion": Outcome.FAILED,
        "test_exits": Outcome.CRASHED,
        "test_hangs": Outcome.TIMED_OUT,
        "test_skipped": Outcome.SKIPPED,
        "test_expected": Outcome.XFAILED,
        "test_error": Outcome.ERROR,
        "test_ids[a::b]": Outcome.PASSED,
        "test_ids[[c]]": Outcome.PASSED,
        "Case::test_parts": Outcome.FAILED,
        "test_last": Outcome.PASSED,
    }
    assert report.finished
    assert "module_that_is_nowhere" in report.collection_errors["test_broken.py"]
    failed = report.results["test_all.py::test_fails"]
    assert failed.exception == "builtins.AssertionError"
    assert failed.message.startswith("AssertionError: assert [1] == [2]")
    assert failed.printed == "Captured stdout call:\nseen"
    assert [frame.function for frame in failed.frames] == ["test_fails"]
    assert report.results["test_all.py::test_recursion"].frames[-1].path == "pkg/__init__.py"
    assert report.results["test_all.py::test_hangs"].frames[-1].function == "test_hangs"


@pytest.mark.slow
def test_a_file_of_slow_tests_does_not_take_the_time_of_all(open_project: Open) -> None:
    slow = "import time\n" + "".join(f"def test_{n}(): time.sleep(60)\n" for n in range(20))
    some = "import time\ndef test_quick(): pass\n" + slow.partition("\n")[2]
    project = open_project(
        {"test_a.py": slow, "test_b.py": some, "test_c.py": "def test_c(): pass\n"}
    )
    report = PytestRunner(setup()).run(project, timeout_seconds=300, test_timeout_seconds=0.5)
    ends = Counter((named_file(name), one.outcome) for name, one in report.results.items())
    assert ends == {
        ("test_a.py", Outcome.TIMED_OUT): MAX_GROUP_TIMEOUTS,
        ("test_b.py", Outcome.PASSED): 1,
        ("test_b.py", Outcome.TIMED_OUT): 2 * MAX_GROUP_TIMEOUTS,
        ("test_c.py", Outcome.PASSED): 1,
    }
    assert report.finished
    assert report.collected == 42
    named = [f"test_a.py::test_{number}" for number in range(MAX_GROUP_TIMEOUTS + 1)]
    asked = PytestRunner(setup()).run(project, named, timeout_seconds=300, test_timeout_seconds=0.5)
    assert list(asked.results) == named


def test_a_conftest_for_another_pytest_is_told_from_a_project_without_tests(
    open_project: Open,
) -> None:
    project = {
        # `path` was taken out of this hook in pytest 9.
        "conftest.py": "def pytest_ignore_collect(path, config):\n    return False\n",
        "test_one.py": "def test_one(): pass\n",
    }
    report = PytestRunner(setup()).run(open_project(project), timeout_seconds=60)
    assert report.results == {}
    assert pytest_gave_up(report)
    assert outgrown_pytest(report)


def test_a_test_file_for_another_pytest_is_noticed(open_project: Open) -> None:
    project = {
        "pytest.ini": "[pytest]\nfilterwarnings = error\n",
        # From pytest 9.1 on this warns of pytest 10.
        "test_old.py": "import pytest\n@pytest.mark.parametrize('n', iter([1]))\n"
        "def test_old(n): pass\n",
        "test_one.py": "def test_one(): pass\n",
    }
    report = PytestRunner(setup()).run(open_project(project), timeout_seconds=60)
    assert list(report.results) == ["test_one.py::test_one"]
    assert outgrown_pytest(report)


def test_a_conftest_of_a_folder_for_another_pytest_is_noticed(open_project: Open) -> None:
    project = {
        # An error from pytest 9 on.
        "sub/conftest.py": "import pytest\n@pytest.fixture\n@pytest.mark.usefixtures('x')\n"
        "def old(): pass\n",
        "sub/test_two.py": "def test_two(): pass\n",
        "test_one.py": "def test_one(): pass\n",
    }
    report = PytestRunner(setup()).run(open_project(project), timeout_seconds=60)
    assert list(report.results) == ["test_one.py::test_one"]
    assert outgrown_pytest(report)


def test_a_conftest_that_cannot_be_imported_says_why(open_project: Open) -> None:
    project = {"conftest.py": "from package_of_nobody import x\n", "test_one.py": ""}
    report = PytestRunner(setup()).run(open_project(project), timeout_seconds=60)
    assert pytest_gave_up(report)
    assert not outgrown_pytest(report)
    assert "package_of_nobody" in report.command.stdout


def test_pytest_runs_only_what_is_named_and_misses_what_is_gone(open_project: Open) -> None:
    names = ["test_all.py::test_ids[a::b]", "test_all.py::test_gone", "gone.py::test_x"]
    report = PytestRunner(setup()).run(open_project(PYTEST), names, timeout_seconds=60)
    assert {name: r.outcome for name, r in report.results.items()} == {names[0]: Outcome.PASSED}


def test_pytest_that_ends_while_importing_is_not_finished(open_project: Open) -> None:
    project = {"test_it.py": "import os\nos._exit(0)\ndef test_it(): pass\n"}
    report = PytestRunner(setup()).run(open_project(project), timeout_seconds=60)
    assert not report.finished
    assert not report.results


UNITTEST = """
import logging
import os
import unittest

class Plain(unittest.TestCase):
    def test_passes(self): print("of another test")
    def test_fails(self):
        print("seen")
        logging.warning("logged")
        self.assertEqual(1, 2)
    def test_exits(self): os._exit(0)
    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)
    @unittest.skip("why")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): 1 / 0

class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("no")
    def test_one(self): pass

class Generated(unittest.TestCase):
    def runTest(self): pass

def load_tests(loader, tests, pattern):
    tests.addTest(Generated())
    return tests
"""


def test_unittest_reports_every_ending(open_project: Open) -> None:
    session = open_project({"test_u.py": UNITTEST, "test_bad.py": "import nowhere_at_all\n"})
    report = UnittestRunner(python=sys.executable).run(
        session, timeout_seconds=60, test_timeout_seconds=5
    )
    outcomes = {name.removeprefix("test_u."): r.outcome for name, r in report.results.items()}
    assert outcomes == {
        "Plain.test_passes": Outcome.PASSED,
        "Plain.test_fails": Outcome.FAILED,
        "Plain.test_exits": Outcome.CRASHED,
        "Plain.test_parts": Outcome.FAILED,
        "Plain.test_skipped": Outcome.SKIPPED,
        "Plain.test_expected": Outcome.XFAILED,
        "Broken.test_one": Outcome.ERROR,
        "Generated.runTest": Outcome.PASSED,
    }
    assert any("nowhere_at_all" in text for text in report.collection_errors.values())
    printed = {name: r.printed.splitlines() for name, r in report.results.items() if r.printed}
    assert printed.keys() == {"test_u.Plain.test_fails"}
    title, *lines = printed["test_u.Plain.test_fails"]
    assert title == "Captured output:"
    assert sorted(lines) == ["WARNING:root:logged", "seen"]  # standard output has a buffer


def test_a_load_tests_skips_or_breaks_its_package(open_project: Open) -> None:
    files = {
        "t/__init__.py": "",
        "t/test_it.py": "import unittest\nclass A(unittest.TestCase):\n def test_a(self): pass\n",
        "t/server/__init__.py": "import unittest\n"
        "def load_tests(*_): raise unittest.SkipTest('no server')\n",
        "t/wrong/__init__.py": "import t\ndef load_tests(*_): return t.gone\n",
    }
    runner = UnittestRunner(python=sys.executable, args=("discover", "-t", ".", "-s", "t"))
    report = runner.run(open_project(files), timeout_seconds=60)
    outcomes = {name: (r.outcome, r.message) for name, r in report.results.items()}
    assert outcomes == {
        "t.server": (Outcome.SKIPPED, "no server"),
        "t.test_it.A.test_a": (Outcome.PASSED, ""),
    }
    assert report.collection_errors.keys() == {"t.wrong"}
    assert 'File "' in report.collection_errors["t.wrong"]
    assert (
        "AttributeError: module 't' has no attribute 'gone'" in report.collection_errors["t.wrong"]
    )


def test_a_command_is_read_from_its_junit_xml_or_judged_by_its_exit_code(
    open_project: Open,
) -> None:
    project = {"test_it.py": "def test_a(): pass\ndef test_b(): assert 0\n"}
    session = open_project(project)
    line = (sys.executable, "-m", "pytest", *setup().addopts, "-p", "no:cacheprovider")
    written = CommandRunner(argv=(*line, "--junitxml=out.xml"), junit_path="out.xml")
    report = written.run(session, timeout_seconds=60)
    assert {name: r.outcome for name, r in report.results.items()} == {
        "test_it::test_a": Outcome.PASSED,
        "test_it::test_b": Outcome.FAILED,
    }
    whole = CommandRunner(argv=line).run(session, timeout_seconds=60)
    assert whole.results[COMMAND_ID].outcome is Outcome.FAILED
