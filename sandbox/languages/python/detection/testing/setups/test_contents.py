"""How tests are run where no command says so: by what the test files look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.detection.testing.discovery import UNITTEST_PATTERN, loads_by_itself
from sandbox.languages.python.detection.testing.setups.unittest_calls import unittest_setup
from sandbox.languages.python.detection.testing.test_command import TestCommand, runs_unittest
from sandbox.languages.python.detection.testing.test_files import matches, sample, test_files

_PYTEST_STYLE = re.compile(
    rb"^(?:import pytest\b|from pytest\b|(?:async )?def test_|class Test\w*(?:\(object\))?\s*:)",
    re.M,
)
_DJANGO_TEST = re.compile(rb"^[ \t]*(?:from|import) (?:django|rest_framework)\b", re.M)


def setup_by_contents(files: ConfigFiles, setup: TestSetup) -> TestSetup:
    return _django(files, setup) or _by_evidence(files, setup)


def _django(files: ConfigFiles, setup: TestSetup) -> TestSetup | None:
    """Django's own runner where the tests are Django's, and not written for pytest."""
    candidates = list(test_files(files, (UNITTEST_PATTERN,), ()))
    contents = list(sample(files, candidates))
    if not any(_DJANGO_TEST.search(content) for content in contents):
        return None
    if any(re.search(rb"\bpytest\b", content) for content in contents):
        return None
    for path in _django_programs(files):
        folder, _, name = path.rpartition("/")
        arguments = ("test", "--noinput") if name == "manage.py" else ()
        command = TestCommand(
            runner=RunnerKind.UNITTEST, program=(name,), arguments=arguments, folder=folder or "."
        )
        why = f"the tests are Django's, and {path} runs them"
        return unittest_setup(files, replace(setup, why=why), command)
    return None


def _django_programs(files: ConfigFiles) -> Iterator[str]:
    """`manage.py` or a script for tests, at the top or one folder down."""
    names = ("manage.py", "runtests.py", "run_tests.py", "runtest.py", "quicktest.py")
    shallow = [path for path in files.snapshot.python_files() if path.count("/") <= 1]
    for name in names:
        for path in sorted(shallow, key=lambda path: path.count("/")):
            if path.rpartition("/")[2] == name and runs_unittest(files, path):
                yield path


def _by_evidence(files: ConfigFiles, setup: TestSetup) -> TestSetup:
    """pytest runs unittest's cases as well, but not all that unittest itself would load."""
    if not setup.files and (unittest_files := tuple(_unittest_files(files))):
        reason = "the tests are unittest's, in files that pytest would not find"
        return replace(
            setup,
            runner=RunnerKind.UNITTEST,
            patterns=("test*.py",),
            files=unittest_files,
            why=reason,
        )
    contents = list(sample(files, setup.files))
    if loads_by_itself(iter(contents)):
        return replace(setup, runner=RunnerKind.UNITTEST, why="a test file has a load_tests")
    if any(_PYTEST_STYLE.search(content) for content in contents):
        return replace(setup, why="the test files are written for pytest")
    return replace(setup, why="it runs unittest's cases as well")


def _unittest_files(files: ConfigFiles) -> Iterator[str]:
    for path in files.snapshot.python_files():
        has_test_name = path.isprintable() and matches(path, "test*.py")
        if has_test_name and b"unittest" in files.snapshot.read(path):
            yield path
