"""What the events of a runner's guest program say of its tests so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.base import CommandResult
from sandbox.runners.base import (
    FAILING,
    Frame,
    OnProgress,
    Outcome,
    RunProgress,
    TestReport,
    TestResult,
)
from sandbox.runners.event import Event
from sandbox.runners.program import Program

Listener = Callable[[Event], Mapping[str, Any] | None]
"""Hears each event; what it returns is sent to the guest."""

TIMEOUT_GRACE_SECONDS = 3.0
"""A test's own alarm comes first and says where the test stands; then the host kills."""

PROGRESS_SECONDS = 1.0
"""While nothing happens, progress is told this often."""


@dataclass
class EventProgress:
    """The tests of one run, as far as they are known."""

    results: dict[str, TestResult] = field(default_factory=dict)
    collection_errors: dict[str, str] = field(default_factory=dict)
    collected: list[str] | None = None
    examples: dict[str, str] = field(default_factory=dict)
    running: str | None = None
    since: float = 0.0
    status: int | None = None
    output: str = ""
    timed_out: bool = False
    failed: int = 0
    planned: int | None = None
    """Tests of the whole run; a program that was started again collects the rest of them."""

    def take(self, event: Event) -> None:
        """Add an event to the progress of a test run."""
        kind = event["event"]
        if kind == "collected":
            self.collected = list(event["ids"])
            self.examples |= dict(event.get("examples", ()))
            if self.planned is None:
                self.planned = len(self.collected)
        elif kind == "collect_error":
            self.collection_errors[event["path"]] = event["text"]
        elif kind == "start":
            self.running, self.since = event["id"], time.monotonic()
        elif kind == "result":
            result = _result(event)
            self.results[result.test_id] = result
            self.failed += result.outcome in FAILING
            self.running = None
        elif kind == "finished":
            self.status, self.output = event["status"], event["output"]

    @property
    def told(self) -> RunProgress:
        return RunProgress(
            done=len(self.results),
            failed=self.failed,
            collected=self.planned,
            running=self.running,
        )

    def follow(
        self,
        program: Program,
        deadline: float,
        limit: float | None,
        *,
        listener: Listener | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Take events until the end, or until a time limit has been dealt with: `deadline` (of
        `time.monotonic`) for all, `limit` seconds for each test.

        Raises SandboxDied when the program ended before it said so.
        """
        while self.status is None:
            clock_seconds = time.monotonic()
            if clock_seconds > deadline + TIMEOUT_GRACE_SECONDS:  # however much it still says
                self._end_in_time()
                return
            overdue_seconds = deadline
            if self.running is not None and limit is not None:
                overdue_seconds = min(deadline, self.since + limit + TIMEOUT_GRACE_SECONDS)
            seconds = max(0.0, overdue_seconds - clock_seconds)
            event = program.event(
                seconds if on_progress is None else min(seconds, PROGRESS_SECONDS)
            )
            if on_progress is not None:
                on_progress(self.told)
            if event is not None:
                self.take(event)
                reply = listener(event) if listener is not None else None
                if reply is not None:
                    program.send(reply)
            elif time.monotonic() < overdue_seconds:
                continue
            elif overdue_seconds == deadline:
                self._end_in_time()
                return
            else:
                self.blame(Outcome.TIMED_OUT, f"no end after {limit:g} s")
                return

    def _end_in_time(self) -> None:
        self.timed_out = True
        self.blame(Outcome.TIMED_OUT, "the time for the whole run was over")

    def blame(self, outcome: Outcome, message: str) -> None:
        """The test that was running gets `outcome`."""
        if self.running is not None:
            seconds = time.monotonic() - self.since
            self.results[self.running] = TestResult(
                test_id=self.running, outcome=outcome, seconds=seconds, message=message
            )
            self.running = None

    def report(self, seconds: float) -> TestReport:
        """What came of a run that took so long."""
        return TestReport(
            results=self.results,
            collection_errors=self.collection_errors,
            finished=self.status is not None,
            collected=self.planned,
            examples=self.examples,
            command=CommandResult(
                exit_code=self.status,
                stdout=self.output,
                stderr="",
                seconds=seconds,
                timed_out=self.timed_out,
            ),
        )


def _result(event: Event) -> TestResult:
    frames = tuple(Frame(path=p, line=n, function=f) for p, n, f in event.get("frames", ()))
    return TestResult(
        test_id=event["id"],
        outcome=Outcome(event["outcome"]),
        seconds=event.get("seconds", 0.0),
        message=event.get("message", ""),
        details=event.get("details", ""),
        printed=event.get("printed", ""),
        exception=event.get("exception", ""),
        frames=frames,
        waits=event.get("waits", ""),
    )
