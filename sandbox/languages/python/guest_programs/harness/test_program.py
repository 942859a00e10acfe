"""Runs the project's own test program up to the point where it would run its tests.

The program is the one of the project's command: `python -m unittest …`, `manage.py test …`, a
script. It reads its settings, makes its databases and loads its tests as always; where it hands
them to its runner, a function of ours takes over. Python 3.8+, standard library only.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
import unittest
from typing import Any, Callable, Dict, List

RunTests = Callable[[Any, Callable[[Any, Any], Any]], Any]
"""Called with the suite and a function that runs a suite into a result; returns the result."""

PLAIN = ["-m", "unittest"]


def folder_of(request: Dict[str, Any]) -> str:
    """The absolute folder that the project's command runs in."""
    workspace: str = request["workspace"]
    return os.path.normpath(os.path.join(workspace, request.get("folder", ".")))


def run_program(request: Dict[str, Any], run_tests: RunTests) -> int:
    """Run the program of the request in this process; returns its exit status."""
    program: List[str] = request.get("program") or PLAIN
    os.chdir(folder_of(request))
    # Django's own runner and its `--parallel` ask for it: forked workers would report nowhere.
    os.environ["DJANGO_TEST_PROCESSES"] = "1"
    _take_over_unittest(run_tests)
    try:
        _start(program, [str(argument) for argument in request.get("args", ())], run_tests)
    except SystemExit as end:
        return int(end.code) if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _start(program: List[str], arguments: List[str], run_tests: RunTests) -> None:
    if program[0] != "-m":
        path = os.path.abspath(program[0])
        _first_on_path(os.path.dirname(path))
        sys.argv[:] = [program[0], *arguments]
        runpy.run_path(path, run_name="__main__")
        return
    _first_on_path(os.getcwd())
    name = program[1]
    sys.argv[:] = ["python -m " + name, *arguments]
    if name == "unittest":
        unittest.main(module=None, argv=list(sys.argv))
        return
    take_over = {"nose2": _take_over_nose2, "twisted.trial": _take_over_trial}.get(name)
    if take_over is not None:
        take_over(run_tests)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _first_on_path(folder: str) -> None:
    """Python itself puts the script's folder, or the current one with `-m`, first."""
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


def _plainly(suite: Any, result: Any) -> Any:
    return suite(result)


def _take_over_unittest(run_tests: RunTests) -> None:
    """Django and most scripts end in a `TextTestRunner`, or in a class made from it."""
    runner: Any = unittest.TextTestRunner

    def run(_self: Any, test: Any) -> Any:
        return run_tests(test, _plainly)

    def made(subclass: Any, **_: Any) -> None:
        subclass.run = run

    runner.run = run
    runner.__init_subclass__ = classmethod(made)  # type: ignore[arg-type]


def _take_over_nose2(run_tests: RunTests) -> None:
    runner: Any = importlib.import_module("nose2.runner").PluggableTestRunner
    runner.run = lambda _self, test: run_tests(test, _plainly)


def _take_over_trial(run_tests: RunTests) -> None:
    """trial cleans its reactor up around the tests and gives them a folder of their own."""
    runner: Any = importlib.import_module("twisted.trial.runner").TrialRunner
    plain_run = runner.run

    def run(self: Any, test: Any) -> Any:
        def execute(suite: Any, result: Any) -> Any:
            result.done = lambda: None
            runner._makeResult = lambda _self: result
            return plain_run(self, suite)

        return run_tests(test, execute)

    runner.run = run


def has_shared_database() -> bool:
    """Whether Django's test database is one that forked processes would share: anything but
    SQLite in memory. Its connections are closed, so that each process opens its own."""
    django: Any = sys.modules.get("django.db")
    if django is None:
        return False
    handles = [item for item in django.connections.all() if item.connection is not None]
    databases = [item for item in handles if item.vendor != "sqlite" or not item.is_in_memory_db()]
    for item in databases:
        item.close()
    return bool(databases)
