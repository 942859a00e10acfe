"""Which of the patches that passed comes first.

A model has read the code and the problem; a score counts signs and lines. So what a model made or
chose comes before what only passed, unless something that ran speaks against it and not against the
others. Length decides among equals alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.records import PlausiblePatch, Verdict
from agent.selection.overfitting.behaviour_signs import signs_of
from agent.selection.overfitting.penalty import MACHINE_PENALTY

NEXT_TO_EQUAL = 0.02
"""Scores that differ by less say nothing of which patch is right."""


def ranked(patches: Sequence[PlausiblePatch]) -> list[PlausiblePatch]:
    """Best first; among equals the one found first."""
    weights = [executed_evidence(patch.verdict) for patch in patches if not is_models_choice(patch)]
    least = min(weights, default=1.0)
    return sorted(
        patches,
        key=lambda one: (
            not (is_models_choice(one) and executed_evidence(one.verdict) <= least),
            -one.score,
        ),
    )


def by_evidence(patches: Sequence[PlausiblePatch]) -> list[PlausiblePatch]:
    """Best first, as `ranked` has them; of those whose scores are next to equal to the first one's
    the one that what was executed speaks for. It keeps its place with the first one's score."""
    if not patches or is_models_choice(patches[0]):
        return list(patches)
    first = patches[0]
    near = [
        patch
        for patch in patches
        if patch.score >= first.score - NEXT_TO_EQUAL and not is_models_choice(patch)
    ]
    best = max(near, key=_confidence)
    if _confidence(best) <= _confidence(first):
        return list(patches)
    favourite = replace(best, score=first.score)
    return [favourite, *(patch for patch in patches if patch is not best)]


def _confidence(patch: PlausiblePatch) -> float:
    return 0.0 if patch.confidence is None else patch.confidence.value


def of_model(patch: PlausiblePatch) -> bool:
    """Whether a model made it, or a part of it where patches were put together."""
    return "model" in patch.candidate.proposer.split("+")


def is_models_choice(patch: PlausiblePatch) -> bool:
    """Whether a model made this patch or chose it, in full view of the code."""
    return of_model(patch) or bool(patch.chosen)


def executed_evidence(verdict: Verdict) -> float:
    """How much speaks against a patch of what was seen while it ran: 0 for nothing, below 1."""
    weight = (1.0 - MACHINE_PENALTY) ** len(verdict.cautions)
    for _, penalty in signs_of(verdict.spread) if verdict.spread is not None else ():
        weight *= 1.0 - penalty
    return 1.0 - weight
