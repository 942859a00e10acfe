"""Reads the events of a runner's guest program and restarts it after a crash or a hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.base import CommandResult, Session
from sandbox.errors import EngineLost, SandboxDied
from sandbox.runners.base import (
    FAILING,
    Frame,
    OnProgress,
    Outcome,
    RunProgress,
    TestReport,
    TestResult,
)
from sandbox.runners.byte_budget import ByteBudget
from sandbox.runners.event import Event
from sandbox.runners.program import Program, start

ENDED = (Outcome.TIMED_OUT, Outcome.CRASHED)
"""Of tests in which the program ended: it would end there again."""

Listener = Callable[[Event], Mapping[str, Any] | None]
"""Hears each event; what it returns is sent to the guest."""

TIMEOUT_GRACE_SECONDS = 3.0
"""A test's own alarm comes first and says where the test stands; then the host kills."""

PROGRESS_SECONDS = 1.0
"""While nothing happens, progress is told this often."""

MAX_FULL_TIMEOUTS = 2
"""Tests that may use up their whole time-out before the others get a shorter one."""


@dataclass
class _Run:
    """What is known so far."""

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


@dataclass(frozen=True, kw_only=True)
class GuestRun:
    """How a guest runner is started: same fields for pytest and unittest."""

    entry: str
    python: str
    request: Mapping[str, Any]
    sources: Callable[[], Mapping[str, str]]
    """The guest's modules, name → text."""
    env: Mapping[str, str] | None = None


def run_with_restarts(
    session: Session,
    guest: GuestRun,
    test_ids: Sequence[str] | None,
    *,
    timeout_seconds: float,
    test_timeout_seconds: float | None,
    listener: Listener | None = None,
    on_progress: OnProgress | None = None,
) -> TestReport:
    """Run until every collected test has a result, the time is over, or nothing moves on."""
    start_seconds = time.monotonic()
    progress, budget = _Run(), ByteBudget()
    while progress.status is None and not progress.timed_out:
        earlier_count = len(progress.results)
        limit = _limit_after(progress, test_timeout_seconds)
        request = {
            **guest.request,
            "ids": None if test_ids is None else list(test_ids),
            "skip": list(progress.results),
            "blamed": [t for t, r in progress.results.items() if r.outcome in ENDED],
            "test_timeout_seconds": limit,
        }
        program = start(
            session, guest.python, guest.entry, request, guest.sources(), guest.env, budget
        )
        try:
            _follow(
                program, progress, start_seconds + timeout_seconds, limit, listener, on_progress
            )
        except EngineLost:
            raise
        except SandboxDied as death:
            progress.output = str(death)
            _blame(progress, Outcome.CRASHED, "the interpreter ended while this test ran")
        finally:
            program.kill()
        if progress.status is None and len(progress.results) == earlier_count:
            break  # it dies before any test: starting again would not help
    return _report(progress, time.monotonic() - start_seconds)


def _limit_after(progress: _Run, limit: float | None) -> float | None:
    """The time-out of the next test: short once two tests hung, or a suite that hangs
    everywhere would cost its whole limit for each of its tests."""
    timeout_count = sum(result.outcome is Outcome.TIMED_OUT for result in progress.results.values())
    if limit is None or timeout_count < MAX_FULL_TIMEOUTS:
        return limit
    passed_seconds = [r.seconds for r in progress.results.values() if r.outcome is Outcome.PASSED]
    return min(limit, max(1.0, 10 * max(passed_seconds, default=0.0)))


def _follow(
    program: Program,
    progress: _Run,
    deadline: float,
    limit: float | None,
    listener: Listener | None,
    on_progress: OnProgress | None,
) -> None:
    """Take events until the end, or until a time limit has been dealt with."""
    while progress.status is None:
        clock_seconds = time.monotonic()
        overdue_seconds = deadline
        if progress.running is not None and limit is not None:
            overdue_seconds = min(deadline, progress.since + limit + TIMEOUT_GRACE_SECONDS)
        seconds = max(0.0, overdue_seconds - clock_seconds)
        event = program.event(seconds if on_progress is None else min(seconds, PROGRESS_SECONDS))
        if on_progress is not None:
            on_progress(progress.told)
        if event is not None:
            progress.take(event)
            reply = listener(event) if listener is not None else None
            if reply is not None:
                program.send(reply)
        elif time.monotonic() < overdue_seconds:
            continue
        elif overdue_seconds == deadline:
            progress.timed_out = True
            _blame(progress, Outcome.TIMED_OUT, "the time for the whole run was over")
            return
        else:
            _blame(progress, Outcome.TIMED_OUT, f"no end after {limit:g} s")
            return


def _blame(progress: _Run, outcome: Outcome, message: str) -> None:
    """The test that was running gets `outcome`."""
    if progress.running is not None:
        seconds = time.monotonic() - progress.since
        progress.results[progress.running] = TestResult(
            test_id=progress.running, outcome=outcome, seconds=seconds, message=message
        )
        progress.running = None


def _report(progress: _Run, seconds: float) -> TestReport:
    return TestReport(
        results=progress.results,
        collection_errors=progress.collection_errors,
        finished=progress.status is not None,
        collected=progress.planned,
        examples=progress.examples,
        command=CommandResult(
            exit_code=progress.status,
            stdout=progress.output,
            stderr="",
            seconds=seconds,
            timed_out=progress.timed_out,
        ),
    )
