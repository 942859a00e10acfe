"""Signs of overfitting in what a patch answers to generated calls."""

from __future__ import annotations

from collections.abc import Iterator

from agent.records import BehaviourDifference, ExecutedSigns

MIN_RANKED_CALLS = 8
"""Fewer say too little to move a patch in the ranking."""


def is_narrow(difference: BehaviourDifference | ExecutedSigns) -> bool:
    """Whether it answers all that was compared as before, and enough of it near the very calls that
    it repairs. Older records do not tell these from the others."""
    if difference.changed or difference.raises or difference.cured:
        return False
    return difference.near_unchanged is None or difference.near_unchanged >= MIN_RANKED_CALLS


def signs_of(difference: BehaviourDifference) -> Iterator[tuple[str, float]]:
    """Signs of overfitting for people, each with what it takes off the score."""
    if difference.compared < MIN_RANKED_CALLS:
        return
    if difference.raises:
        yield (
            f"on {difference.raises} of {difference.compared} generated calls it no longer"
            f" returns (as {difference.raises_example or difference.example})",
            min(0.5, 0.1 + difference.raises / difference.compared),
        )
    if is_narrow(difference):
        yield (
            f"on {difference.near_unchanged or difference.compared} generated calls near those of"
            " the tests it answers as before: it may fit the tests' own input alone",
            0.3,
        )
