"""How many repeated runs there is time for. The clock is a double."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from agent.validation import repeated_runs as subject
from agent.validation.repeated_runs import (
    MAX_RUNS,
    MIN_RUNS,
    Repetition,
    cautions_of_runs,
    repeat_patched,
)
from sandbox.runners.base import Outcome, TestResult


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


def validation_of(steady_alone: bool) -> Any:
    """A project whose `leaning` passes among all tests alone, and whose `b` passes there each
    time; by itself `b` passes so as well, or in the first two runs alone."""
    numbers = count()

    def run(_session: object, tests: list[str]) -> Any:
        among_all = "other" in tests
        passing = {
            "leaning": among_all,
            "b": among_all or steady_alone or next(numbers) < 2,
        }
        results = {
            test_id: TestResult(
                test_id=test_id, outcome=Outcome.PASSED if passes else Outcome.FAILED
            )
            for test_id, passes in passing.items()
        }
        return SimpleNamespace(results=results, collection_errors={})

    return SimpleNamespace(
        fail_to_pass=("leaning", "b"),
        wanted=("leaning", "b", "other"),
        evidence=SimpleNamespace(seconds={}, uncollected=()),
        open_session=lambda: nullcontext(None),
        run=run,
    )


def test_a_failure_with_the_patch_is_not_forgotten_for_tests_that_pass_among_all() -> None:
    assert repeat_patched(validation_of(steady_alone=False), {}).not_always == ("b",)
    assert repeat_patched(validation_of(steady_alone=True), {}).not_always == ()
