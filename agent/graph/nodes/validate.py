"""validate: the verdict on each proposed candidate, in a fresh sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.events import CandidateValidated
from agent.graph.budget import proposing_seconds
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.patches.changes import diff_text, unified_diff
from agent.records import CandidatePatch, PlausiblePatch, Verdict
from agent.selection.anti_patterns import Caution, cautions_of, selection_score
from agent.serialization import plain, restore
from agent.validation.differential.generated_calls import signs
from agent.validation.validator import validate_candidate

SHOWN_UNCHECKED = 3
UNCHECKED_PENALTY = 0.15


def validate(state: RepairState, context: RunContext) -> dict[str, Any]:
    found: list[Any] = []
    judged: list[Any] = []
    for proposed in state["proposed"]:
        candidate = restore(CandidatePatch, proposed)
        verdict = validate_candidate(candidate, context.validation(state))
        if context.stop.is_set() and not verdict.plausible:
            break  # its sandbox may have been closed under it: this says nothing
        context.listen(
            CandidateValidated(
                plausible=verdict.plausible,
                description=candidate.description,
                objections=verdict.objections,
            )
        )
        judged.append({"candidate": proposed, "verdict": plain(verdict)})
        if verdict.plausible:
            found.append(plain(appraise(candidate, verdict, state, context)))
    plausible = [*state.get("plausible", []), *found]
    rejected = state.get("rejected", 0) + len(judged) - len(found)
    update: dict[str, Any] = {
        "proposed": [],
        "plausible": plausible,
        "rejected": rejected,
        "summary": f"{len(plausible)} of {len(plausible) + rejected} passed the verdict",
    }
    if context.job.asks_model:
        update["judged"] = judged
    if found and state.get("first_plausible_seconds") is None:
        update["first_plausible_seconds"] = proposing_seconds(state)
    return update


def appraise(
    candidate: CandidatePatch, verdict: Verdict, state: RepairState, context: RunContext
) -> PlausiblePatch:
    """A candidate that passed, with its diff, its signs of overfitting and its score."""
    changes = context.changed_files(state, candidate)
    cautions = cautions_of(changes, context.failing_sources(state))
    cautions += _not_checked(verdict.unchecked)
    if verdict.spread is not None:
        cautions += tuple(Caution(*sign) for sign in signs(verdict.spread))
    return PlausiblePatch(
        candidate=candidate,
        diff=diff_text(unified_diff(changes)),
        verdict=verdict,
        cautions=tuple(caution.sentence for caution in cautions),
        score=selection_score(candidate, changes, cautions),
    )


def _not_checked(sentences: Sequence[str]) -> tuple[Caution, ...]:
    """What no layer of the verdict could look at; the first sentence weighs, all are shown."""
    shown = [f"not checked: {sentence}" for sentence in sentences[:SHOWN_UNCHECKED]]
    if len(sentences) > SHOWN_UNCHECKED:
        shown.append(f"{len(sentences) - SHOWN_UNCHECKED} more were not checked")
    weights = (UNCHECKED_PENALTY, *[0.0] * len(shown))
    return tuple(map(Caution, shown, weights))
