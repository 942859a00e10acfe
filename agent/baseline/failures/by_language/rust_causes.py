"""Which failures of Rust's tests are no fault of the code under test."""

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

_PACKAGE = re.compile(
    r"no matching package named `([^`\n]{1,100})` found"
    r"|failed to (?:get|download|select a version for)(?: the requirement)? `([^`\n]{1,100})`"
    r"|failed to load source for dependency `([^`\n]{1,100})`"
)
_OLD_RUST = re.compile(
    r"requires rustc (\d+\.\d+[\w.]*)|lock file version .{0,40}requires|edition .{0,30} is unstable"
)
_NIGHTLY = re.compile(r"may not be used on the (?:stable|beta) release channel")
_NETWORK = re.compile(r"failed to lookup address information|Temporary failure in name resolution")
_REFUSED = re.compile(r"\bConnectionRefused\b|\bConnection refused\b")
_PROGRAM = re.compile(
    r"failed to (?:execute|run|spawn)[^\n]*`([^`\n]{1,100})`[^\n]*\n?[^\n]*No such file"
)
_LIBRARY = re.compile(r"system library `([^`\n]{1,100})`[^\n]* (?:was not found|required by crate)")
_LINKER = re.compile(r"linker `([^`\n]{1,100})` not found")
_PLACE = re.compile(r"^[^\S\n]*-->\s*([^\s:]+\.rs):(\d+)", re.MULTILINE)
_SYNTAX = re.compile(
    r"^error: (expected[^\n]*|this file contains an un-?closed delimiter|mismatched closing"
    r"[^\n]*|unexpected closing[^\n]*|unterminated[^\n]*)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class RustCauses:
    """Implements `agent.baseline.failures.causes.Causes`."""

    is_test_path: Callable[[str], bool]
    crates: Collection[str]
    """Names of the project's own libraries."""

    def of_failure(self, result: TestResult) -> EnvironmentFailure | None:
        return self._outside(f"{result.message}\n{result.details}")

    def of_collection(self, path: str, text: str) -> EnvironmentFailure | None:  # noqa: ARG002
        if failure := self._outside(text) or self._missing(text):
            return failure
        places = _PLACE.findall(text)
        broken = _SYNTAX.search(text)
        # Where all that the compiler names are tests, one that does not parse is no fault of code;
        # one that asks for what the code lacks is.
        if broken and places and all(self.is_test_path(place) for place, _ in places):
            sentence = f"the test file {printable(places[0][0])} does not parse"
            return EnvironmentFailure(
                Cause.BROKEN_TEST,
                f"{sentence}, line {places[0][1]} ({printable(broken[1])[:150]})",
            )
        return None

    def _missing(self, text: str) -> EnvironmentFailure | None:
        """What a build lacks."""
        package = _PACKAGE.search(text)
        name = next(filter(None, package.groups()), "") if package else ""
        if name and name.partition(" ")[0].replace("-", "_") not in self.crates:
            return EnvironmentFailure(
                Cause.MISSING_MODULE,
                f"the package `{printable(name)[:100]}` is missing: nothing is downloaded while "
                "tests run; a Cargo.lock pins what is fetched before, and --install names another "
                "way",
            )
        if old := _OLD_RUST.search(text):
            newer = f"needs Rust {old[1]} or newer" if old[1] else "needs a newer Rust"
            return EnvironmentFailure(Cause.MISSING_PROGRAM, f"a package {newer}")
        if _NIGHTLY.search(text):
            return EnvironmentFailure(
                Cause.MISSING_PROGRAM,
                "the code needs a nightly Rust, which rust-toolchain can name",
            )
        if library := _LIBRARY.search(text) or _LINKER.search(text):
            name = printable(library[1])
            return EnvironmentFailure(Cause.MISSING_PROGRAM, f"the build needs `{name}`")
        return None

    def _outside(self, text: str) -> EnvironmentFailure | None:
        if _NETWORK.search(text):
            return NO_NETWORK
        if _REFUSED.search(text):
            return NOTHING_LISTENS
        program = _PROGRAM.search(text)
        if program:
            name = printable(program[1])
            return EnvironmentFailure(Cause.MISSING_PROGRAM, f"the tests need the program `{name}`")
        return None
