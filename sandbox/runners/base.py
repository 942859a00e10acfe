"""What a run of a project's tests looks like, whatever runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    printed: str = ""
    """The end of what a failing test printed and logged, where the runner keeps it."""
    exception: str = ""
    """Qualified name of the exception type, e.g. `builtins.AssertionError`; of an exception group
    that of its sub-exceptions, where they have one."""
    frames: tuple[Frame, ...] = ()
    waits: str = ""
    """Of a test that ran out of time: where outside the project it stood, using no processor time;
    empty where it stood in the project, or computed."""


@dataclass(frozen=True, kw_only=True)
class RunProgress:
    """How far a run of tests is."""

    done: int
    failed: int
    collected: int | None
    """Tests that this run is to run; None while they are collected."""
    running: str | None = None


OnProgress = Callable[[RunProgress], None]


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
    collected: int | None = None
    """Tests that were to run; None where the runner does not say."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """Those of the tests that unittest runs and that are examples in docstrings or texts → their
    file, relative to the workspace; empty where it is not in it."""


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
        on_progress: OnProgress | None = None,
    ) -> TestReport:
        """Run the named tests (all when None); a name may be that of a file, class or function
        with parameters. A test over its own time-out is `timed_out` and the others still run.
        `on_progress` is called often, also while nothing ends."""
