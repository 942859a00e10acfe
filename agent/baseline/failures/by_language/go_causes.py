"""Which failures of Go's tests are no fault of the code under test."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from agent.baseline.failures.environment_failures import (
    NO_NETWORK,
    NOTHING_LISTENS,
    Cause,
    EnvironmentFailure,
)
from agent.untrusted_text import printable
from sandbox.runners.base import TestResult

_MODULE = re.compile(
    r"(?:no required module provides package|cannot find module providing package"
    r"|missing go\.sum entry for (?:module providing package|go\.mod file for)?) ?([\w./@~+-]+)"
    r"|^[^\n]*: ([\w.-]+\.[\w.-]+/[\w./@~+-]+): (?:module lookup disabled|cannot find module)",
    re.MULTILINE,
)
_OLD_GO = re.compile(r"requires go >= (\d+[\w.]*)")
_NETWORK = re.compile(r"\bdial tcp: lookup \S+.*(?:no such host|server misbehaving|i/o timeout)")
_REFUSED = re.compile(r"\bconnect: connection refused\b")
_PROGRAM = re.compile(r'exec: "([^"\n]{1,100})": executable file not found')
_COMPILER = re.compile(r"^(\S+_test\.go):(\d+)(?::\d+)?: (.*)$", re.MULTILINE)
_PLACE = re.compile(r"^[^\S\n]*(?:vet: )?(\S+\.go):\d+", re.MULTILINE)
_SYNTAX = re.compile(r"expected|syntax error|not terminated|illegal|missing '?[,()]")


@dataclass(frozen=True)
class GoCauses:
    """Implements `agent.baseline.failures.causes.Causes`."""

    is_test_path: Callable[[str], bool]
    modules: Collection[str]
    """Import paths of the project's own modules."""

    def of_failure(self, result: TestResult) -> EnvironmentFailure | None:
        return self._outside(f"{result.message}\n{result.details}")

    def of_collection(self, path: str, text: str) -> EnvironmentFailure | None:  # noqa: ARG002
        if failure := self._outside(text):
            return failure
        places = _PLACE.findall(text)
        broken = _COMPILER.search(text)
        # Where all that the compiler names are tests, one that does not parse is no fault of code;
        # one that asks for what the code lacks is.
        if broken and _SYNTAX.search(broken[3]) and all(map(self.is_test_path, places)):
            sentence = f"the test file {printable(broken[1])} does not parse, line {broken[2]}"
            return EnvironmentFailure(
                Cause.BROKEN_TEST, f"{sentence} ({printable(broken[3])[:150]})"
            )
        return None

    def _outside(self, text: str) -> EnvironmentFailure | None:
        module = _MODULE.search(text)
        name = (module[1] or module[2]) if module else ""
        if name and not any(name == own or name.startswith(f"{own}/") for own in self.modules):
            return EnvironmentFailure(
                Cause.MISSING_MODULE,
                f"the Go package `{printable(name)[:100]}` is missing: go.mod, go.sum or vendor/"
                " does not name it; run `go mod tidy`, or name the command that installs it with"
                " --install",
            )
        if old := _OLD_GO.search(text):
            return EnvironmentFailure(Cause.MISSING_PROGRAM, f"a module needs Go {old[1]} or newer")
        if _NETWORK.search(text):
            return NO_NETWORK
        if _REFUSED.search(text):
            return NOTHING_LISTENS
        program = _PROGRAM.search(text)
        if program:
            name = printable(program[1])
            return EnvironmentFailure(Cause.MISSING_PROGRAM, f"the tests need the program `{name}`")
        return None
