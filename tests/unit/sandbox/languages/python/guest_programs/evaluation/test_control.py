"""The evaluator's control process, with children that only say how they ended."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from sandbox.languages.python.guest_programs.evaluation import control
from sandbox.languages.python.guest_programs.evaluation.time_limits import RunningChild, TimeLimits

REQUEST: dict[str, Any] = {
    "targets": ["test_it.py::test_target"],
    "regressions": ["test_it.py::test_other"],
    "others": [],
    "workers": 2,
    "members": 1,
    "test_timeout_seconds": 5.0,
    "least_timeout_seconds": 1.0,
    "durations": {},
    "workspace": "/",
}
BROKEN = {"test_it.py::test_target": "passed", "test_it.py::test_other": "failed"}


class Control(control.Control):
    """Starts no process: its jobs run until `end` is called."""

    def _start_warm(self) -> None:
        self._state = "fast"
        self.started: list[RunningChild] = []

    def _start(self, job: dict[str, Any]) -> None:
        running = RunningChild(job, len(self.started), 60.0)
        self.started.append(running)
        self._running[running.descriptor] = running

    def _finish(self, running: RunningChild) -> None:
        self._running.pop(running.descriptor)

    def end(self, running: RunningChild, state: str, results: dict[str, str]) -> None:
        running.results = dict(results)
        self._done(running, {"state": state})


class Channel:
    def __init__(self) -> None:
        self.numbers: list[int] = []

    def emit(self, _event: str, **fields: Any) -> None:
        self.numbers.append(fields["number"])


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is imported or warmed up in this process."""
    monkeypatch.setattr(control, "import_pytest", lambda _request: (None, None))
    monkeypatch.setattr(control, "warm_up", lambda *_: None)
    monkeypatch.setattr(sys, "pycache_prefix", None)


@pytest.mark.usefixtures("alone")
def test_two_candidates_that_break_one_test_in_the_same_moment() -> None:
    channel: Any = Channel()
    control = Control(REQUEST, channel)
    for number in (1, 2):
        control._take({"number": number, "edits": []})
    control._dispatch()
    for running in list(control.started):  # heard in one round, before anything new starts
        control.end(running, "regressed", BROKEN)
    control._dispatch()
    (question,) = control._running.values()
    assert question.job.get("probe") == "alone"
    control.end(question, "passed", {"test_it.py::test_other": "passed"})
    control._dispatch()
    for running in list(control._running.values()):
        control.end(running, "regressed", BROKEN)
    assert sorted(channel.numbers) == [1, 2]


SLOW = {"test_it.py::test_target": "passed", "test_it.py::test_other": "timed_out"}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("state", ["timed_out", "crashed"])
def test_a_regression_that_ends_a_candidate_is_asked_of_the_base_first(state: str) -> None:
    channel: Any = Channel()
    control = Control(REQUEST, channel)
    control._take({"number": 1, "edits": []})
    control._dispatch()
    control.end(control.started[-1], state, {**SLOW, "test_it.py::test_other": state})
    control._dispatch()
    (question,) = control._running.values()
    assert question.job.get("probe") == "alone"
    assert control._limit(question.job, "test_it.py::test_other")[0] == 5.0
    control._note(question, {"results": [["test_it.py::test_other", "passed", 0.6]]})
    control.end(question, "passed", {"test_it.py::test_other": "passed"})
    control._dispatch()
    (again,) = control._running.values()
    assert again.job["number"] == 1
    assert control._limit(again.job, "test_it.py::test_other")[0] == 3.0  # five times
    assert channel.numbers == []
    control.end(again, state, {**SLOW, "test_it.py::test_other": state})
    assert channel.numbers == [1]


@pytest.mark.usefixtures("alone")
def test_a_regression_that_takes_too_long_on_the_base_is_left_out() -> None:
    channel: Any = Channel()
    control = Control(REQUEST, channel)
    control._take({"number": 1, "edits": []})
    control._dispatch()
    control.end(control.started[-1], "timed_out", SLOW)
    control._dispatch()
    (question,) = control._running.values()
    control.end(question, "timed_out", {"test_it.py::test_other": "timed_out"})
    assert control._lead.left_out == ["test_it.py::test_other"]


def test_patience_gives_every_test_more() -> None:
    limits = TimeLimits({**REQUEST, "durations": {"test_it.py::test_other": 0.05}})
    assert limits.of("test_it.py::test_other", False)[0] == 1.0
    assert limits.of("test_it.py::test_other", True)[0] == 4.0
    assert limits.of("test_it.py::test_target", False)[0] < 1.0
    limits.ran("test_it.py::test_target", 0.5)  # as the base fails in a child
    assert limits.of("test_it.py::test_target", False)[0] == 2.5


class Starved(RunningChild):
    """Runs for nothing and waits for a processor all the time, or for something else."""

    delay = 0.0

    def used(self) -> float:
        return 0.0

    def waited(self) -> float:
        return self.delay


def test_waiting_for_a_processor_is_no_waiting() -> None:
    child = Starved({}, 0, 60.0)
    child.allow(0.5, 2.0)
    later = child.latest + 0.1
    child.delay = 1.9
    assert not child.over(later)
    assert child.over(later + 1.9)
    idle = Starved({}, 0, 60.0)
    idle.allow(0.5, 2.0)
    assert idle.over(idle.latest + 0.1)


def test_a_busy_machine_gives_more_time_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = TimeLimits(REQUEST)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "getloadavg", lambda: (0.3, 0.0, 0.0))
    processor, wall = limits.of("test_it.py::test_other", False)
    monkeypatch.setattr(os, "getloadavg", lambda: (6.0, 0.0, 0.0))
    assert limits.of("test_it.py::test_other", False) == (processor, 3 * wall)


@pytest.mark.usefixtures("alone")
def test_a_test_that_passed_is_not_blamed_for_a_crash_after_it() -> None:
    channel: Any = Channel()
    control = Control(REQUEST, channel)
    control._take({"number": 1, "edits": []})
    control._dispatch()
    results = {"test_it.py::test_target": "passed", "test_it.py::test_other": "passed"}
    control.end(control.started[-1], "crashed", results)
    assert channel.numbers == [1]
