"""How long a job will still take, guessed from how long others took lately, as a range.

Of jobs like the earlier ones half end within it: between two order statistics, the k-th smallest
and the k-th largest of n equally likely values, the next one lies with probability
(n + 1 - 2 k) / (n + 1), whatever their distribution. `statistics.quantiles` takes k = (n + 1) / 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

MIN_SAMPLES = 3
"""With fewer there is no guess: an invented number is worse than none."""


@dataclass(frozen=True, kw_only=True)
class TimeLeft:
    """Seconds until the end: half of the truths lie between `low` and `high`, half of them below
    `middle`."""

    low: float
    middle: float
    high: float

    def later(self, seconds: float) -> TimeLeft:
        return TimeLeft(
            low=self.low + seconds, middle=self.middle + seconds, high=self.high + seconds
        )


def seconds_left(elapsed: float, durations: Sequence[float]) -> TimeLeft | None:
    """Seconds until the end of a job, `elapsed` seconds after a point from which others took
    `durations` to their ends; None where too little is known.

    Only jobs that took longer say anything about one that has come this far.
    """
    longer = [seconds - elapsed for seconds in durations if seconds > elapsed]
    if len(longer) < MIN_SAMPLES:
        return None
    low, middle, high = quantiles(longer, n=4)
    return TimeLeft(low=low, middle=middle, high=high)


def seconds_until_done(
    position: int, at_once: int, durations: Sequence[float], durations_before: Sequence[float]
) -> TimeLeft | None:
    """Seconds until the end of a job that waits at `position` (1 is next) while `at_once` jobs run
    side by side. `durations` are those of jobs like it, `durations_before` of whatever stands
    before it."""
    own = seconds_left(0.0, durations)
    before = seconds_left(0.0, durations_before)
    if own is None or before is None or at_once < 1:
        return None
    return own.later(before.middle * position / at_once)
