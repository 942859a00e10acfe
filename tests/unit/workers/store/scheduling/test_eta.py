"""Guesses, and where there is none."""

from __future__ import annotations

import random

import pytest

from workers.store.scheduling.eta import TimeLeft, seconds_left, seconds_until_done


def test_nothing_is_known_from_two_jobs() -> None:
    assert seconds_left(1.0, [10.0, 10.0]) is None
    assert seconds_until_done(1, 4, [10.0, 10.0], [10.0] * 3) is None
    assert seconds_until_done(1, 4, [10.0] * 3, [10.0, 10.0]) is None


def test_a_running_job_is_compared_with_those_that_came_as_far() -> None:
    assert seconds_left(5.0, [10.0, 20.0, 30.0]) == TimeLeft(low=5.0, middle=15.0, high=25.0)
    assert seconds_left(15.0, [10.0, 20.0, 30.0, 40.0]) == TimeLeft(low=5.0, middle=15.0, high=25.0)
    assert seconds_left(15.0, [10.0, 20.0, 30.0]) is None


def test_a_waiting_job_waits_for_those_before_it() -> None:
    alike = TimeLeft(low=30.0, middle=30.0, high=30.0)
    assert seconds_until_done(4, 2, [10.0, 10.0, 10.0], [10.0, 10.0, 10.0]) == alike
    long = TimeLeft(low=90.0, middle=90.0, high=90.0)
    assert seconds_until_done(4, 2, [50.0] * 3, [20.0] * 3) == long
    assert seconds_until_done(1, 0, [10.0] * 3, [10.0] * 3) is None  # nobody works


@pytest.mark.parametrize("samples", [3, 7, 20])
@pytest.mark.parametrize("elapsed", [0.0, 30.0])
def test_half_of_the_truths_lie_in_the_range(samples: int, elapsed: float) -> None:
    """Durations of repairs are skewed: many short ones, few long ones."""
    chance = random.Random(20)
    hits = []
    while len(hits) < 4000:
        *earlier, truth = (chance.lognormvariate(4.0, 1.0) for _ in range(samples + 1))
        guess = seconds_left(elapsed, earlier)
        if guess is not None and truth > elapsed:
            hits.append(guess.low <= truth - elapsed <= guess.high)
    assert 0.46 < sum(hits) / len(hits) < 0.54
