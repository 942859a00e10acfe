"""Signs of overfitting in what a patch answers to generated calls."""

from __future__ import annotations

from collections.abc import Iterator

from agent.records import BehaviourDifference

MIN_REPORTED_CALLS = 4
"""Of fewer calls nothing is said."""
MIN_RANKED_CALLS = 8
"""Fewer say too little to move a patch in the ranking."""


def signs_of(difference: BehaviourDifference) -> Iterator[tuple[str, float]]:
    """Signs of overfitting for people, each with what it takes off the score."""
    if difference.compared < MIN_REPORTED_CALLS:
        return
    if difference.changed > difference.compared / 2:
        # For people alone: a fault on the main path is mended by changing most answers, too.
        yield (
            f"it changes the answer of {difference.changed} of {difference.compared} generated"
            " calls that the base answered",
            0.0,
        )
    if difference.compared < MIN_RANKED_CALLS:
        return
    if difference.raises:
        yield (
            f"on {difference.raises} of {difference.compared} generated calls it no longer"
            f" returns (as {difference.example})",
            min(0.5, 0.1 + difference.raises / difference.compared),
        )
    if not (difference.changed or difference.raises or difference.cured):
        yield (
            f"on {difference.compared} generated calls near those of the tests it answers as"
            " before: it may fit the tests' own input alone",
            0.3,
        )
