"""The evaluator's control process, with children that only say how they ended."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sandbox.languages.python.guest_programs.evaluation import control
from sandbox.languages.python.guest_programs.evaluation.time_limits import Running

REQUEST: dict[str, Any] = {
    "targets": ["test_it.py::test_target"],
    "regressions": ["test_it.py::test_other"],
    "others": [],
    "workers": 2,
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
        self.started: list[Running] = []

    def _start(self, job: dict[str, Any]) -> None:
        running = Running(job, len(self.started), 60.0)
        self.started.append(running)
        self._running[running.descriptor] = running

    def _finish(self, running: Running) -> None:
        self._running.pop(running.descriptor)

    def end(self, running: Running, state: str, results: dict[str, str]) -> None:
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
