"""The record of how a project's tests are run, and which of its files are tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

DEFAULT_PATTERNS = ("test_*.py", "*_test.py")
UNITTEST_PROGRAM = ("-m", "unittest")
_ONLY_FIND = (("unittest",), ("twisted.trial",), ("nose2",))


class RunnerKind(StrEnum):
    PYTEST = "pytest"
    UNITTEST = "unittest"  # and what hands its tests to unittest: Django, trial, nose2, scripts
    COMMAND = "command"  # anything else: JUnit XML or its exit code


@dataclass(frozen=True, kw_only=True)
class ProgramCall:
    """One call of a program that hands its tests to unittest."""

    program: tuple[str, ...] = UNITTEST_PROGRAM
    """What Python is started with: `-m` and a module, or a file relative to `folder`."""
    arguments: tuple[str, ...] = ()
    folder: str = "."
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class TestSetup:
    """The test runner of a project, its arguments and the test files."""

    __test__ = False

    runner: RunnerKind
    arguments: tuple[str, ...] = ()
    """Of the command: pytest's options, the program's arguments, or the whole command."""
    program: tuple[str, ...] = UNITTEST_PROGRAM
    """With `UNITTEST`: what Python is started with, `-m` and a module or a file."""
    folder: str = "."
    """Where the command runs, relative to the project's top."""
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables that the command itself sets."""
    more: tuple[ProgramCall, ...] = ()
    """With `UNITTEST`: calls beside the first one, whose tests are the project's as well."""
    given: bool = False
    """A person named the command: it is run whatever the files look like."""
    paths: tuple[str, ...] = ()
    """Folders, files or test ids to collect; empty when the runner is to find them."""
    patterns: tuple[str, ...] = DEFAULT_PATTERNS
    files: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    """Files that the command runs: they judge a patch, so they are tests."""
    doctest_modules: tuple[str, ...] = ()
    """Source files whose docstrings are run as tests: they may be edited, their examples not."""
    addopts: tuple[str, ...] = ()
    why: str = ""

    @cached_property
    def known(self) -> frozenset[str]:
        """Files that are tests whatever they are called."""
        return frozenset((*self.files, *self.named))

    @property
    def calls(self) -> tuple[ProgramCall, ...]:
        """With `UNITTEST`: all calls, in their order."""
        first = ProgramCall(
            program=self.program,
            arguments=self.arguments,
            folder=self.folder,
            variables=self.variables,
        )
        return (first, *self.more)

    @property
    def needs_program(self) -> bool:
        """Whether the tests need what their own program does before it runs them."""
        return self.runner is RunnerKind.UNITTEST and prepares_tests(self.program)


def prepares_tests(program: tuple[str, ...]) -> bool:
    """Whether a program may do more than find and run tests, as unittest, trial and nose2 do:
    read settings, make a database."""
    return program[:1] != ("-m",) or program[1:] not in _ONLY_FIND
