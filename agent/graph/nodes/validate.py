"""validate: the verdict on each proposed candidate, in a fresh sandbox."""

from __future__ import annotations

from typing import Any

from agent.events import CandidateValidated
from agent.graph.budget import proposing_seconds
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.records import CandidatePatch
from agent.selection.score import appraise
from agent.serialization import plain, restore
from agent.validation.validator import validate_candidate


def validate(state: RepairState, context: RunContext) -> dict[str, Any]:
    found: list[Any] = []
    judged: list[Any] = []
    prepared = context.prepared(state)
    for proposed in state["proposed"]:
        candidate = restore(CandidatePatch, proposed)
        verdict = validate_candidate(candidate, context.validation(state))
        if context.cut_off and not verdict.plausible:
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
            changes = prepared.changed_files(candidate)
            sources = context.failing_sources(state)
            patch = appraise(candidate, verdict, changes, sources, prepared.record.not_built)
            found.append(plain(patch))
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
