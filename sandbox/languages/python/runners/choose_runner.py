"""Which runner a project's tests need."""

from __future__ import annotations

import shlex

from sandbox.languages.python.detection.project import Project, pytest_addopts
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.runners.base import TestRunner
from sandbox.runners.command import CommandRunner

JUNIT_OPTIONS = ("--junitxml", "--junit-xml", "--xunit-file", "--junit")


def choose_runner(project: Project, python: str) -> TestRunner:
    """The runner for `project` on the interpreter `python` (a path inside the sandbox)."""
    tests = project.tests
    if tests.runner is RunnerKind.COMMAND:
        return CommandRunner(argv=tests.arguments, junit_path=junit_path(tests.arguments))
    if tests.runner is RunnerKind.UNITTEST:
        return UnittestRunner(
            python=python, args=tests.arguments, import_roots=project.import_roots
        )
    return PytestRunner(pytest_setup(project, python))


def pytest_setup(project: Project, python: str) -> PytestSetup:
    """How pytest is started for the project; the evaluator uses it for unittest cases too."""
    return PytestSetup(
        python=python,
        args=project.tests.paths,
        addopts=tuple(pytest_addopts(project)),
        import_roots=project.import_roots,
    )


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
