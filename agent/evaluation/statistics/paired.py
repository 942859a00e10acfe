"""Two models on the same tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

from agent.evaluation.statistics.intervals import Interval, Z

_STEPS = 200


@dataclass(frozen=True, kw_only=True)
class PairedCounts:
    """How often two models solved the same tasks."""

    both: int
    first: int
    """Only the first did."""
    second: int
    neither: int

    @classmethod
    def of(cls, outcomes: Sequence[tuple[bool, bool]]) -> PairedCounts:
        count = outcomes.count
        return cls(
            both=count((True, True)),
            first=count((True, False)),
            second=count((False, True)),
            neither=count((False, False)),
        )

    @property
    def number(self) -> int:
        return self.both + self.first + self.second + self.neither

    @property
    def difference(self) -> float:
        """Share that the first solves minus the share that the second solves."""
        return (self.first - self.second) / self.number if self.number else 0.0


def mcnemar_exact(pairs: PairedCounts) -> float:
    """The two-sided exact p-value (binomial) that both solve equally many: of the tasks that only
    one of them solved, each would have had half."""
    apart, fewer = pairs.first + pairs.second, min(pairs.first, pairs.second)
    if apart == 0:
        return 1.0
    tail = sum(comb(apart, i) for i in range(fewer + 1))
    return min(1.0, float(2 * tail / (1 << apart)))


def tango(pairs: PairedCounts) -> Interval:
    """The score interval of Tango (Statistics in Medicine 17, 1998) of `pairs.difference`, at
    95 %: unlike Wald's it holds for few pairs and few that differ."""
    if pairs.number == 0:
        return (-1.0, 1.0)
    estimate = pairs.difference
    low = -1.0 if estimate <= -1.0 else _root(lambda d: _score(pairs, d) - Z, -1.0, estimate)
    high = 1.0 if estimate >= 1.0 else _root(lambda d: _score(pairs, d) + Z, estimate, 1.0)
    return (low, high)


def _score(pairs: PairedCounts, difference: float) -> float:
    """Tango's statistic for a difference: falls as it grows."""
    number, b, c = pairs.number, pairs.first, pairs.second
    a_term = 2 * number
    b_term = -b - c + (2 * number - b + c) * difference
    c_term = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, b_term * b_term - 4 * a_term * c_term))
    only_second = (root - b_term) / (2 * a_term)
    variance = number * (2 * only_second + difference * (1 - difference))
    distance = b - c - number * difference
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function is 0, by halving."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
