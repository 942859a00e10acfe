"""What passed is shown to the model, and what it chose is written to what passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.graph.budget import proposing_seconds, verdicts_taken
from agent.graph.context.run_context import RunContext
from agent.graph.state import RepairState
from agent.proposers.agentic.candidate import key_of
from agent.proposers.passed_patch import Choice, PassedPatch
from agent.proposers.portfolio import Portfolio
from agent.records import CandidatePatch, PlausiblePatch, Verdict
from agent.selection.patch_ranking import of_model
from agent.serialization import plain, restore


def passed_patches(state: RepairState) -> list[PassedPatch]:
    """What others found, as the model is shown it. Patches of other conversations are left out:
    each comes to its own, or their agreement would say nothing."""
    patches = [restore(PlausiblePatch, patch) for patch in state.get("plausible", ())]
    return [
        PassedPatch(
            number=number,
            key=key_of(patch.candidate),
            description=patch.candidate.description,
            diff=patch.diff,
            cautions=patch.cautions,
        )
        for number, patch in enumerate(patches, start=1)
        if not of_model(patch)
    ]


def hear_verdicts(state: RepairState, portfolio: Portfolio[Any]) -> None:
    """Pass on the verdicts that the proposers have not heard yet."""
    for judgement in state.get("judged", ()):
        candidate, verdict = judgement["candidate"], judgement["verdict"]
        portfolio.learn(restore(CandidatePatch, candidate), restore(Verdict, verdict))


def with_choices(
    state: RepairState, choices: Sequence[Choice], seconds: float = 0.0
) -> dict[str, Any]:
    """What changes in the state by what the conversations came to; `seconds` are those of the
    stage until now."""
    if not choices:
        return {}
    fixes = [restore(PlausiblePatch, fix) for fix in state.get("plausible", ())]
    update: dict[str, Any] = {"plausible": [plain(_with_choices(fix, choices)) for fix in fixes]}
    if state.get("heard") is None:
        update["heard"] = heard_now(state, verdicts_taken(state), seconds)
    return update


def heard_now(state: RepairState, verdicts: int, seconds: float = 0.0) -> dict[str, Any]:
    """The record of when the model was heard."""
    return {"seconds": proposing_seconds(state) + seconds, "verdicts": verdicts}


def at_rest(state: RepairState, context: RunContext) -> dict[str, Any]:
    """What changes in the state once the proposers are done: nobody works beside what follows."""
    portfolio = context.proposer
    if not isinstance(portfolio, Portfolio):
        return {}
    hear_verdicts(state, portfolio)
    portfolio.rest()
    choices = with_choices(state, portfolio.choices)
    return {"judged": [], "portfolio": portfolio.place, **choices}


def _with_choices(patch: PlausiblePatch, choices: Sequence[Choice]) -> PlausiblePatch:
    key = key_of(patch.candidate)
    reasons = [choice.reason for choice in choices if choice.key == key]
    reason = next(filter(None, reasons), "")
    return replace(patch, votes=len(reasons), chosen=reason) if reasons else patch
