"""A plausible patch out of a candidate that passed: its diff, its cautions and its score."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from agent.patches.changes import FileChange, diff_text, unified_diff
from agent.records import CandidatePatch, PlausiblePatch, Verdict
from agent.selection.overfitting.anti_patterns import Caution, cautions_of
from agent.selection.overfitting.behaviour_signs import signs_of
from agent.selection.overfitting.penalty import MACHINE_PENALTY, penalty_of
from agent.source.trees import tree_of

SHOWN_UNCHECKED = 3
UNCHECKED_PENALTY = 0.15


def appraise(
    candidate: CandidatePatch,
    verdict: Verdict,
    changes: Mapping[str, FileChange],
    failing_sources: Sequence[str],
    environment_gaps: Sequence[str] = (),
) -> PlausiblePatch:
    """A candidate that passed, with its diff, its signs of overfitting and its score.

    `environment_gaps` are sentences on what its tests ran without: shown, and no sign against it.
    """
    cautions = cautions_of(changes, failing_sources)
    cautions += _not_checked(verdict.unchecked)
    cautions += tuple(Caution(sentence, MACHINE_PENALTY) for sentence in verdict.cautions)
    cautions += tuple(Caution(sentence, 0.0) for sentence in environment_gaps)
    if verdict.spread is not None:
        cautions += tuple(Caution(*sign) for sign in signs_of(verdict.spread))
    return PlausiblePatch(
        candidate=candidate,
        diff=diff_text(unified_diff(changes)),
        verdict=verdict,
        cautions=tuple(caution.sentence for caution in cautions),
        score=selection_score(candidate, changes, cautions),
        penalty=penalty_of(changes, failing_sources, verdict),
    )


def _not_checked(sentences: Sequence[str]) -> tuple[Caution, ...]:
    """What no layer of the verdict could look at; the first sentence weighs, all are shown."""
    notes = [f"not checked: {sentence}" for sentence in sentences[:SHOWN_UNCHECKED]]
    if len(sentences) > SHOWN_UNCHECKED:
        notes.append(f"{len(sentences) - SHOWN_UNCHECKED} more were not checked")
    weights = (UNCHECKED_PENALTY, *[0.0] * len(notes))
    return tuple(map(Caution, notes, weights))


def selection_score(
    candidate: CandidatePatch, changes: Mapping[str, FileChange], cautions: Iterable[Caution]
) -> float:
    """How much speaks for a patch that passed, about 0..1: few cautions, then a small edit, then
    the proposer's own ranking."""
    weight = 1.0
    for caution in cautions:
        weight *= 1.0 - caution.penalty
    size = sum(_touched_lines(old, new) for old, new in changes.values())
    growth = sum(_nodes(new) - _nodes(old) for old, new in changes.values())
    own_score = candidate.score / (1.0 + abs(candidate.score))
    return weight - 0.01 * min(size, 20) - 0.002 * min(max(growth, 0), 30) + 0.02 * own_score


def _nodes(content: bytes | None) -> int:
    tree = tree_of(content)
    return 0 if tree is None else sum(1 for _ in ast.walk(tree))


def _touched_lines(old: bytes | None, new: bytes | None) -> int:
    """Lines only in the old or only in the new text; moved lines are free."""
    then, now = Counter((old or b"").split(b"\n")), Counter((new or b"").split(b"\n"))
    return sum(((then - now) + (now - then)).values())
