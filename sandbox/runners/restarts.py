"""Reads the events of a runner's guest program and restarts it after a crash or a hang."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.base import Session
from sandbox.errors import EngineLost, SandboxDied
from sandbox.runners.base import OnProgress, Outcome, TestReport
from sandbox.runners.byte_budget import ByteBudget
from sandbox.runners.event_progress import EventProgress, Listener
from sandbox.runners.program import start

ENDED = (Outcome.TIMED_OUT, Outcome.CRASHED)
"""Of tests in which the program ended: it would end there again."""

MAX_FULL_TIMEOUTS = 2
"""Tests that may use up their whole time-out before the others get a shorter one."""

MAX_GROUP_TIMEOUTS = 6
"""Tests of one file or class that may run into it, and as many more for each that came to an end.
In a run of all tests the others of that group then have no turn: a file of slow tests would take
the time of all."""


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
    progress, budget = EventProgress(), ByteBudget()
    left_out: list[str] = []
    while progress.status is None and not progress.timed_out:
        earlier_count = len(progress.results)
        limit = _limit_after(progress, test_timeout_seconds)
        if test_ids is None:
            left_out += _of_slow_groups(progress)
        request = {
            **guest.request,
            "ids": None if test_ids is None else list(test_ids),
            "skip": [*progress.results, *left_out],
            "blamed": [t for t, r in progress.results.items() if r.outcome in ENDED],
            "test_timeout_seconds": limit,
        }
        program = start(
            session, guest.python, guest.entry, request, guest.sources(), guest.env, budget
        )
        try:
            progress.follow(
                program,
                start_seconds + timeout_seconds,
                limit,
                listener=listener,
                on_progress=on_progress,
            )
        except EngineLost:
            raise
        except SandboxDied as death:
            progress.output = str(death)
            progress.blame(Outcome.CRASHED, "the interpreter ended while this test ran")
        finally:
            program.kill()
        if progress.status is None and len(progress.results) == earlier_count:
            break  # it dies before any test: starting again would not help
    return progress.report(time.monotonic() - start_seconds)


def _of_slow_groups(progress: EventProgress) -> list[str]:
    """The tests without a result of groups in which only time-outs were seen, and many."""
    timeouts: Counter[str] = Counter()
    for test_id, result in progress.results.items():
        timeouts[_group(test_id)] += (
            1 if result.outcome is Outcome.TIMED_OUT else -MAX_GROUP_TIMEOUTS
        )
    return [
        test_id
        for test_id in progress.collected or ()
        if timeouts[_group(test_id)] >= MAX_GROUP_TIMEOUTS and test_id not in progress.results
    ]


def _group(test_id: str) -> str:
    """The class or file that a test lies in."""
    name = test_id.partition("[")[0]
    return name.rpartition("::" if "::" in name else ".")[0]


def _limit_after(progress: EventProgress, limit: float | None) -> float | None:
    """The time-out of the next test: short once two tests hung, or a suite that hangs
    everywhere would cost its whole limit for each of its tests."""
    timeout_count = sum(result.outcome is Outcome.TIMED_OUT for result in progress.results.values())
    if limit is None or timeout_count < MAX_FULL_TIMEOUTS:
        return limit
    passed_seconds = [r.seconds for r in progress.results.values() if r.outcome is Outcome.PASSED]
    return min(limit, max(1.0, 10 * max(passed_seconds, default=0.0)))
