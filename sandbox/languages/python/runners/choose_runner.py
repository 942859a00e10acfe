"""Which runner a project's tests need."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import PurePosixPath

from sandbox.languages.python.detection.project import PythonProject, pytest_addopts
from sandbox.languages.python.detection.test_setup import (
    UNITTEST_PROGRAM,
    ProgramCall,
    RunnerKind,
    TestSetup,
)
from sandbox.languages.python.detection.testing.discovery import read_discovery
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import TestRunner
from sandbox.runners.command import CommandRunner

JUNIT_OPTIONS = ("--junitxml", "--junit-xml", "--xunit-file", "--junit")


def choose_runner(project: PythonProject, python: str) -> TestRunner:
    """The runner for `project` on the interpreter `python` (a path inside the sandbox)."""
    tests = project.tests
    if tests.runner is RunnerKind.COMMAND:
        return CommandRunner(argv=tests.arguments, junit_path=junit_path(tests.arguments))
    if tests.runner is RunnerKind.UNITTEST:
        first, *successors = (_unittest_runner(project, python, call) for call in tests.calls)
        return replace(first, more=tuple(successors))
    return PytestRunner(pytest_setup(project, python))


def _unittest_runner(project: PythonProject, python: str, call: ProgramCall) -> UnittestRunner:
    return UnittestRunner(
        python=python,
        args=call.arguments,
        program=call.program,
        folder=call.folder,
        env=call.variables,
        import_roots=_import_roots(project, call),
    )


def pytest_setup(project: PythonProject, python: str) -> PytestSetup:
    """How pytest is started for the project; the evaluator uses it for unittest cases too."""
    tests = project.tests
    return PytestSetup(
        python=python,
        args=tests.paths,
        addopts=(*pytest_addopts(project), *_examples(tests)),
        import_roots=_import_roots(project, *tests.calls),
        env=tests.variables,
        folder=tests.folder,
        program=tests.program if tests.needs_program else (),
        program_args=tests.arguments if tests.needs_program else (),
    )


def _examples(tests: TestSetup) -> tuple[str, ...]:
    """pytest's option for the examples in docstrings that a unittest program runs as tests."""
    is_new = tests.runner is RunnerKind.UNITTEST and tests.doctest_modules
    return ("--doctest-modules",) if is_new else ()


def _import_roots(project: PythonProject, *calls: ProgramCall) -> tuple[str, ...]:
    """Those of the project, and the folders from which unittest's discovery imports."""
    tests = project.tests
    if tests.runner is not RunnerKind.UNITTEST or tests.needs_program:
        return project.import_roots
    roots = []
    for call in calls:
        roots.append(call.folder)
        if call.program == UNITTEST_PROGRAM:
            discovery = read_discovery(call.arguments)
            top = discovery.start if discovery.top is None else discovery.top
            roots.append(PurePosixPath(call.folder, top).as_posix())
    return tuple(dict.fromkeys((*project.import_roots, *roots)))


def junit_path(argv: tuple[str, ...]) -> str | None:
    """The report that a command line asks for, None when it asks for none."""
    if argv[:2] == ("sh", "-c"):
        try:
            argv = tuple(shlex.split(argv[2]))
        except ValueError:
            return None  # not closed quotes: the shell will say so
    for position, argument in enumerate(argv):
        name, equals, value = argument.partition("=")
        if name not in JUNIT_OPTIONS:
            continue
        if equals:
            return value
        if position + 1 < len(argv):
            return argv[position + 1]
    return None
