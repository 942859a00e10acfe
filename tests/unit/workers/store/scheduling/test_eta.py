"""Guesses, and where there is none."""

from __future__ import annotations

from workers.store.scheduling.eta import seconds_left, seconds_until_done


def test_nothing_is_known_from_two_jobs() -> None:
    assert seconds_left(1.0, [10.0, 10.0]) is None
    assert seconds_until_done(1, 4, [10.0, 10.0]) is None


def test_a_running_job_is_compared_with_those_that_came_as_far() -> None:
    assert seconds_left(5.0, [10.0, 20.0, 30.0]) == 15.0
    assert seconds_left(15.0, [10.0, 20.0, 30.0]) == 10.0
    assert seconds_left(31.0, [10.0, 20.0, 30.0]) is None


def test_a_waiting_job_waits_for_those_before_it() -> None:
    assert seconds_until_done(4, 2, [10.0, 10.0, 10.0]) == 30.0
    assert seconds_until_done(1, 0, [10.0, 10.0, 10.0]) is None  # nobody works
