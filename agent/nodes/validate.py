"""validate: the verdict on each proposed candidate, in a fresh sandbox."""

from __future__ import annotations

from typing import Any

from agent.budget import spent_seconds
from agent.cautions import cautions_of, selection_score
from agent.events import CandidateValidated
from agent.job import CandidatePatch, PlausiblePatch
from agent.patch import unified_diff
from agent.records import plain, restore
from agent.state import RepairState
from agent.verdict import judge
from agent.workbench import Workbench


def validate(state: RepairState, bench: Workbench) -> dict[str, Any]:
    found: list[Any] = []
    rejected = state.get("rejected", 0)
    for proposed in state["proposed"]:
        bench.raise_if_stopped()
        candidate = restore(CandidatePatch, proposed)
        verdict = judge(candidate, bench.court(state))
        bench.listen(
            CandidateValidated(
                plausible=verdict.plausible,
                description=candidate.description,
                objections=verdict.objections,
            )
        )
        if not verdict.plausible:
            rejected += 1
            continue
        files = bench.changed_files(state, candidate)
        cautions = cautions_of(files, bench.failing_sources(state))
        found.append(
            plain(
                PlausiblePatch(
                    candidate=candidate,
                    diff=unified_diff(files),
                    verdict=verdict,
                    cautions=tuple(caution.sentence for caution in cautions),
                    score=selection_score(candidate, files, cautions),
                )
            )
        )
    update: dict[str, Any] = {
        "proposed": [],
        "plausible": [*state.get("plausible", []), *found],
        "rejected": rejected,
        "summary": f"{len(found)} of {len(state['proposed'])} candidates passed the verdict",
    }
    if found and state.get("first_plausible_seconds") is None:
        update["first_plausible_seconds"] = spent_seconds(state)
    return update
