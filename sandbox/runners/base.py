"""What a run of a project's tests looks like, whatever runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from sandbox.base import CommandResult, Session


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # an assertion or an exception in the test itself
    ERROR = "error"  # set-up, tear-down or collection
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    TIMED_OUT = "timed_out"  # killed while this test ran
    CRASHED = "crashed"  # the interpreter ended while this test ran


FAILING = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.TIMED_OUT, Outcome.CRASHED})
"""What turns a run red."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One line of a traceback, innermost last."""

    path: str
    """Relative to the workspace where the file is in it, else as the interpreter saw it."""
    line: int
    function: str


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """The outcome of one test, with its message and traceback."""

    __test__: ClassVar[bool] = False

    test_id: str
    """pytest node id, or dotted unittest id."""
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    """Last line of the failure, capped; empty when it passed. Of an exception group those of its
    first sub-exceptions, and then its own."""
    details: str = ""
    """The failure as the runner prints it, capped."""
    exception: str = ""
    """Qualified name of the exception type, e.g. `builtins.AssertionError`; of an exception group
    that of its sub-exceptions, where they have one."""
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TestReport:
    """The results of one run of all or some of the tests."""

    __test__: ClassVar[bool] = False

    results: Mapping[str, TestResult]
    collection_errors: Mapping[str, str] = field(default_factory=dict)
    """Path or module → why it could not be collected."""
    finished: bool
    """The runner reached its own end and said so; False when it was cut off."""
    command: CommandResult


class TestRunner(Protocol):
    """Runs tests inside a session and reads what happened."""

    __test__: ClassVar[bool] = False
    name: str

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
    ) -> TestReport:
        """Run the named tests (all when None). A test over its own time-out is `timed_out`
        and the others still run."""
