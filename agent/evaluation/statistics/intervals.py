"""Intervals of a share, at 95 % confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

Interval = tuple[float, float]
Z = NormalDist().inv_cdf(0.975)


def wilson(right: int, number: int) -> Interval:
    """Wilson's score interval (1927) of `right` among `number`: it holds near 0 and 1, and for
    few items, where the normal approximation does not. (0, 1) of nothing."""
    return _wilson(right, number, 1.0)


def _wilson(right: float, number: int, effect: float) -> Interval:
    """With as many items as `number` is worth: `effect` times fewer."""
    if number == 0:
        return (0.0, 1.0)
    share, square, worth = right / number, Z * Z, number / effect
    middle = (share + square / (2 * worth)) / (1 + square / worth)
    variance = share * (1 - share) / worth + square / (4 * worth * worth)
    half = Z / (1 + square / worth) * math.sqrt(variance)
    # At the ends exact, where rounding would miss by a hair.
    low = 0.0 if right == 0 else max(0.0, middle - half)
    high = 1.0 if right == number else min(1.0, middle + half)
    return (low, high)


def design_effect(values: Mapping[str, Sequence[float]]) -> float:
    """How many times the variance of the mean is what independent tasks would have: the
    cluster-robust variance (with its small-sample factor) over the binomial one. At least 1; 1 for
    groups of one."""
    flat = [value for group in values.values() for value in group]
    number, groups = len(flat), len([group for group in values.values() if group])
    if number < 2 or groups < 2 or groups == number:
        return 1.0
    mean = sum(flat) / number
    plain = mean * (1 - mean) / number
    if plain <= 0:
        return 1.0
    residuals = (sum(value - mean for value in group) for group in values.values())
    variance = groups / (groups - 1) * sum(r * r for r in residuals) / (number * number)
    return max(1.0, variance / plain)


def share_interval(values: Mapping[str, Sequence[float]]) -> Interval:
    """Of the mean of values from 0 to 1 in groups: Wilson's, with as many items as they are worth,
    their number over the design effect (Kish 1965).

    Values between 0 and 1 (estimates of pass@k) vary less than zeros and ones of the same mean, so
    that the interval is wider than it had to be, never narrower; for few tasks, where resampling
    them would be sure of anything, it stays honest.
    """
    flat = [value for group in values.values() for value in group]
    return _wilson(sum(flat), len(flat), design_effect(values))
