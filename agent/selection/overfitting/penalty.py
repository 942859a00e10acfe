"""How much signs of overfitting take off the score of a plausible patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.patches.changes import FileChange
from agent.records import Verdict
from agent.selection.overfitting.anti_patterns import cautions_of

MACHINE_PENALTY = 0.3
"""Of a patch that newly asks the machine for something."""


def penalty_of(
    changes: Mapping[str, FileChange], failing_sources: Sequence[str], verdict: Verdict
) -> float:
    """What signs of overfitting in its text, and what it newly asks the machine for, take off a
    score of 1. What is executed to find out whether it is right is counted elsewhere."""
    weight = (1.0 - MACHINE_PENALTY) ** len(verdict.cautions)
    for caution in cautions_of(changes, failing_sources):
        weight *= 1.0 - caution.penalty
    return 1.0 - weight
