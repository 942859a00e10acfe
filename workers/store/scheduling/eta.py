"""How long a job will still take, guessed from how long others took lately."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

MIN_SAMPLES = 3
"""With fewer there is no guess: an invented number is worse than none."""


def seconds_left(elapsed: float, durations: Sequence[float]) -> float | None:
    """Seconds until the end of a job that has run for `elapsed` seconds; None where nothing is
    known.

    Only jobs that took longer say anything about one that has come this far.
    """
    if len(durations) < MIN_SAMPLES:
        return None
    longer = [seconds for seconds in durations if seconds > elapsed]
    return median(longer) - elapsed if longer else None


def seconds_until_done(position: int, at_once: int, durations: Sequence[float]) -> float | None:
    """Seconds until the end of a job that waits at `position` (1 is next) while `at_once` jobs run
    side by side."""
    if len(durations) < MIN_SAMPLES or at_once < 1:
        return None
    typical = median(durations)
    return typical * (position / at_once) + typical
