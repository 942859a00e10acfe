"""Which failures of JavaScript's tests are no fault of the code under test."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from agent.baseline.failures.environment_failures import (
    NO_NETWORK,
    NOTHING_LISTENS,
    Cause,
    EnvironmentFailure,
)
from agent.untrusted_text import printable
from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE
from sandbox.runners.base import TestResult

_PACKAGE = re.compile(r"Cannot find (?:module|package) '((?:@[^/'\n]+/)?[^./'\n][^/'\n]*)[^'\n]*'")
_NETWORK = re.compile(r"\bgetaddrinfo (?:ENOTFOUND|EAI_AGAIN)|\bENETUNREACH\b|\bEAI_AGAIN\b")
_REFUSED = re.compile(r"\bconnect ECONNREFUSED\b|MongoServerSelectionError|\bECONNREFUSED\b")
_PROGRAM = re.compile(r"\bspawn(?:Sync)? (\S+) ENOENT\b")
_BROWSER = re.compile(
    r"Could not find (?:Chrome|browser)|Executable doesn't exist at|Failed to launch the browser"
)
_PLACE = re.compile(r"^(?:file://)?(\S+\.[cm]?[jt]sx?):(\d+)$", re.MULTILINE)
_ERROR = re.compile(r"^\S*Error\b.*$", re.MULTILINE)
_SYNTAX = re.compile(r"^SyntaxError: (.*)$", re.MULTILINE)


def _error_in(text: str) -> str:
    """The line that says why, in brackets; empty where none does."""
    match = _ERROR.search(text)
    return f" ({printable(match[0])[:150]})" if match else ""


@dataclass(frozen=True)
class JavaScriptCauses:
    """Implements `agent.baseline.failures.causes.Causes`."""

    is_test_path: Callable[[str], bool]
    name: str
    """Of the project's own package."""

    def of_failure(self, result: TestResult) -> EnvironmentFailure | None:
        return self._outside(f"{result.exception}: {result.message}")

    def of_collection(self, path: str, text: str) -> EnvironmentFailure | None:
        if failure := self._outside(text):
            return failure
        if posixpath.basename(path) == PACKAGE_FILE:
            folder = posixpath.dirname(path) or "the package"
            sentence = f"the tests of {printable(folder)} could not be started{_error_in(text)}"
            return EnvironmentFailure(Cause.CONFIGURATION, sentence)
        syntax, place = _SYNTAX.search(text), _PLACE.search(text)
        if syntax and place and (place[1] == path or self.is_test_path(place[1])):
            sentence = f"the test file {printable(place[1])} does not parse here, line {place[2]}"
            return EnvironmentFailure(
                Cause.BROKEN_TEST, f"{sentence} ({printable(syntax[1])[:150]})"
            )
        return None

    def _outside(self, text: str) -> EnvironmentFailure | None:
        package = _PACKAGE.search(text)
        if package and package[1] != self.name:
            return EnvironmentFailure(
                Cause.MISSING_MODULE,
                f"the package `{printable(package[1])[:100]}` is missing; name the command that"
                " installs it with --install",
            )
        if _BROWSER.search(text):
            return EnvironmentFailure(
                Cause.MISSING_PROGRAM, "the tests need a browser, which is not here"
            )
        if _NETWORK.search(text):
            return NO_NETWORK
        if _REFUSED.search(text):
            return NOTHING_LISTENS
        program = _PROGRAM.search(text)
        if program:
            name = printable(program[1])[:100]
            return EnvironmentFailure(Cause.MISSING_PROGRAM, f"the tests need the program `{name}`")
        return None
