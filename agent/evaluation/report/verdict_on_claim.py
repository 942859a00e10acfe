"""Claim and measurement side by side, with a plain sentence."""

from __future__ import annotations

from agent.evaluation.statistics.intervals import Interval
from agent.evaluation.statistics.sample_size import tasks_to_tell_share

MARGIN = 0.03
"""A measurement confirms a claim when no share in its interval is further below the claim."""


def sentence(claimed: float, measured: float, interval: Interval, tasks: int) -> str:
    """Confirmed, not confirmed, or cannot be told at this number of tasks; shares from 0 to 1."""
    low, high = interval
    if high < claimed:
        return f"Not confirmed: with 95 % confidence the share is below the claimed {claimed:.1%}."
    if low >= claimed - MARGIN:
        return (
            f"Confirmed: with 95 % confidence the share is at most {MARGIN * 100:.0f} points below "
            f"the claimed {claimed:.1%}."
        )
    return f"Cannot be told at n = {tasks:,}: {_needed(claimed, measured)}"


def _needed(claimed: float, measured: float) -> str:
    if measured >= claimed - MARGIN / 2:
        number = tasks_to_tell_share(claimed, max(0.0, claimed - MARGIN))
        return (
            f"about {number:,} tasks would tell the claim from one {MARGIN * 100:.0f} points lower."
        )
    return (
        f"about {tasks_to_tell_share(measured, claimed):,} tasks would tell {measured:.1%} from it."
    )
