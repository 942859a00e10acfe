"""How many repeated runs there is time for. The clock is a double."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.validation import repeated_runs as subject
from agent.validation.repeated_runs import (
    MAX_RUNS,
    MIN_RUNS,
    Repetition,
    cautions_of_runs,
)


@dataclass
class Clock:
    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds


def runs_made(monkeypatch: pytest.MonkeyPatch, each: float, left: float) -> int:
    """Runs that take so long; two at once take as long as one."""
    clock = Clock()
    monkeypatch.setattr(subject, "time", clock)

    def failed(number: int) -> frozenset[str]:
        clock.seconds += 0.0 if number % subject.MAX_PARALLEL_RUNS else each
        return frozenset()

    return len(subject._while_time(failed, MAX_RUNS, left))


def test_runs_that_take_long_to_start_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_made(monkeypatch, 1.0, 1000.0) == MAX_RUNS
    assert runs_made(monkeypatch, 25.0, 10_000.0) == 4
    assert runs_made(monkeypatch, 46.0, 10_000.0) == MIN_RUNS


def test_other_failing_tests_keep_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_made(monkeypatch, 5.0, 60.0) == MIN_RUNS


def test_fewer_runs_are_said() -> None:
    assert not Repetition(runs=5, passes={}, planned=5).shortfall
    assert "repeated 2 times instead of 5" in Repetition(runs=2, passes={}, planned=5).shortfall
    few, all_of_them = (Repetition(runs=n, passes={}, planned=5) for n in (2, 5))
    none = Repetition(runs=0, passes={})
    assert cautions_of_runs(few, all_of_them) == (few.shortfall,)
    assert cautions_of_runs(none, all_of_them) == ()
