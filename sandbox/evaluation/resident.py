"""Some tests in a process that stays, for candidates one after the other.

Each turn loads the changed project again and runs the same tests, without the start of the
interpreter, the framework and what is installed. What a turn leaves behind may reach the next, so
an outcome is a sign, never a verdict (see `sandbox.evaluation.screen`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from sandbox.errors import EngineLost, SandboxDied
from sandbox.runners.base import Outcome, TestReport
from sandbox.runners.event_progress import EventProgress
from sandbox.runners.program import Program


class ResidentTests(Protocol):
    """The same tests, again and again, in one session."""

    loaded_first: frozenset[str]
    """Files of the project that are loaded before the turns begin: no change of them is seen."""

    def turn(
        self, *, timeout_seconds: float, test_timeout_seconds: float | None = None
    ) -> TestReport:
        """Run the tests on the files as they are now. Raises SandboxDied where the process could
        not be started; one that ended in a turn has no results for what did not run."""

    def broken(self, text: str) -> str:
        """A source file's text, changed so that the file cannot be loaded."""

    def close(self) -> None:
        """End the process. Safe to call twice."""


class ResidentProgram:
    """The host's side of a guest program that runs a turn for each line it is sent."""

    def __init__(self, start: Callable[[], Program], start_seconds: float) -> None:
        """Starts it, and waits until its turns may begin, `start_seconds` at most. Raises
        SandboxDied."""
        self._start, self._start_seconds = start, start_seconds
        self._program: Program | None = None
        self.loaded_first: frozenset[str] = frozenset()
        self._begin()

    def _begin(self) -> Program:
        program = self._program = self._start()
        try:
            event = program.event(self._start_seconds)
        except SandboxDied:
            self.close()
            raise
        if event is None or event["event"] != "loaded":
            self.close()
            raise SandboxDied("the tests could not be loaded to stay")
        self.loaded_first = frozenset(event["paths"])
        return program

    def turn(
        self, *, timeout_seconds: float, test_timeout_seconds: float | None = None
    ) -> TestReport:
        start_seconds = time.monotonic()
        program = self._program or self._begin()
        progress = EventProgress()
        try:
            program.send({})
            deadline = time.monotonic() + timeout_seconds
            progress.follow(program, deadline, test_timeout_seconds)
        except EngineLost:
            raise
        except SandboxDied as death:
            progress.output = str(death)
            progress.blame(Outcome.CRASHED, "the process ended while this test ran")
        is_over = progress.status is not None
        if not is_over or any(
            result.outcome is Outcome.CRASHED for result in progress.results.values()
        ):
            self.close()
        return progress.report(time.monotonic() - start_seconds)

    def close(self) -> None:
        if self._program is not None:
            self._program.kill()
            self._program = None
