"""select: the best plausible patch, without the edits it does not need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.agreement import with_votes
from agent.budget import candidates_left, search_seconds_left
from agent.events import Progress
from agent.job import CandidatePatch, PlausiblePatch, RepairJob, Status, Verdict
from agent.minimize import minimize
from agent.nodes.validate import appraise
from agent.records import plain, restore
from agent.report import Ending, ranked
from agent.state import RepairState
from agent.summary import counted
from agent.verdict import judge
from agent.workbench import Workbench


def select(state: RepairState, bench: Workbench) -> dict[str, Any]:
    found = [restore(PlausiblePatch, one) for one in state.get("plausible", [])]
    patches = ranked(with_votes(found, lambda one: bench.changed_files(state, one)))
    if not patches:
        ending = nothing_found(state, bench.job)
        return {"ending": plain(ending), "summary": ending.reason}
    best = _minimised(patches[0], state, bench)
    others = f", the best of {len(patches)}" if len(patches) > 1 else ""
    ending = Ending(Status.REPAIRED, f"{best.candidate.description}{others}")
    return {
        "plausible": [plain(patch) for patch in (best, *patches[1:])],
        "ending": plain(ending),
        "summary": ending.reason,
    }


def _minimised(patch: PlausiblePatch, state: RepairState, bench: Workbench) -> PlausiblePatch:
    verdicts: dict[CandidatePatch, Verdict] = {}

    def accepts(smaller: CandidatePatch) -> bool:
        verdicts[smaller] = judge(smaller, bench.court(state))
        return verdicts[smaller].plausible

    bench.listen(Progress(text="dropping edits that are not needed"))
    smallest = minimize(patch.candidate, bench.snapshot(state).read, accepts)
    if smallest not in verdicts:
        return patch  # nothing could be dropped
    # It must stay the first: it was chosen, and it only became smaller.
    shorter = appraise(smallest, verdicts[smallest], state, bench)
    return replace(shorter, score=max(shorter.score, patch.score))


def nothing_found(state: RepairState, job: RepairJob) -> Ending:
    """How a repair without a patch ends, and what each proposer did until then."""
    tried = state.get("candidates_tried", 0)
    rejected = state.get("rejected", 0)
    near = f"; {rejected} passed the tests but not the verdict" if rejected else ""
    if "portfolio" in state:
        near = _of_the_model(state["portfolio"], job)
    alone = next(iter(state.get("turned", [])), None)
    if alone is not None:
        near += f"; alone {alone} can be made to pass: `--only {alone}` looks for a patch of it"
    if state["exhausted"]:
        return Ending(
            Status.NOT_REPAIRED,
            f"none of the {tried} small edits worth trying makes the failing tests pass{near}",
        )
    limit = "--max-candidates" if candidates_left(state) <= 0 else "--max-seconds"
    left = search_seconds_left(state)
    spent = "" if left > 0 else "the time is over: "
    return Ending(
        Status.BUDGET_EXHAUSTED,
        f"{spent}none of {tried} candidates makes the failing tests pass{near}; "
        f"raise {limit} to go on",
    )


def _of_the_model(place: Mapping[str, Any], job: RepairJob) -> str:
    """What the model did, as the end of a sentence."""
    asked = place["searched"] >= job.budget.search_seconds
    if asked and not place["turns"] and not place["endings"]:
        return f"; the model at {job.model_url or job.model} gave no answer in that time"
    count, turns = place["candidates"], place["turns"]
    why = "".join(f": {ending}" for ending in dict.fromkeys(place["endings"]))
    return f"; the model made {count} of them in {counted(turns, 'turn')}{why}"
