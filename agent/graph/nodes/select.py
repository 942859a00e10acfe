"""select: the best plausible patch, without the edits it does not need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from agent.baseline.evidence import flaky_after_all
from agent.events import Progress
from agent.graph.nothing_found import nothing_found
from agent.graph.outcome import Ending, ranked
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.records import CandidatePatch, PlausiblePatch, Status, Verdict
from agent.selection.minimization import minimize
from agent.selection.score import appraise
from agent.selection.voting import with_votes
from agent.serialization import plain, restore
from agent.validation.repeated_runs import Repetition, repeat_patched, repeat_unchanged
from agent.validation.validation_context import ValidationContext
from agent.validation.validator import validate_candidate


def select(state: RepairState, context: RunContext) -> dict[str, Any]:
    found = [restore(PlausiblePatch, one) for one in state.get("plausible", [])]
    patches = ranked(with_votes(found, lambda one: context.prepared(state).changed_files(one)))
    if not patches:
        return _ended(nothing_found(state, context.job))
    context.listen(Progress(text="running the failing tests again, unchanged"))
    validation = context.validation(state)
    unchanged = repeat_unchanged(validation)
    flaky = frozenset(unchanged.sometimes)
    if flaky and flaky.issuperset(validation.fail_to_pass):
        return {**_ended(flaky_ending(unchanged)), "plausible": []}
    validation = replace(validation, evidence=flaky_after_all(validation.evidence, flaky))
    update = {"evidence": plain(validation.evidence)} if flaky else {}
    patches = [_without(patch, flaky) for patch in patches]
    for place, patch in enumerate(patches):
        best = _minimised(patch, validation, state, context)
        context.listen(Progress(text="running the failing tests again, with the patch"))
        repeated = repeat_patched(validation, context.prepared(state).changed_files(best.candidate))
        if not repeated.not_always:
            best = _confirmed(best, unchanged, repeated)
            return update | _announced((best, *patches[place + 1 :]))
        context.listen(Progress(text=f"dropped: {now_and_then(patch, repeated)}"))
    ending = Ending(Status.NOT_REPAIRED, now_and_then(patch, repeated))
    return {**update, **_ended(ending), "plausible": []}


def _announced(patches: Sequence[PlausiblePatch]) -> dict[str, Any]:
    others = f", the best of {len(patches)}" if len(patches) > 1 else ""
    ending = Ending(Status.REPAIRED, f"{patches[0].candidate.description}{others}")
    return {**_ended(ending), "plausible": [plain(patch) for patch in patches]}


def _ended(ending: Ending) -> dict[str, Any]:
    return {"ending": plain(ending), "summary": ending.reason}


def _without(patch: PlausiblePatch, flaky: Collection[str]) -> PlausiblePatch:
    """The patch, with no claim on tests that also pass unchanged."""
    claimed = {t: o for t, o in patch.verdict.fail_to_pass.items() if t not in flaky}
    return replace(patch, verdict=replace(patch.verdict, fail_to_pass=claimed))


def _confirmed(
    patch: PlausiblePatch, unchanged: Repetition, repeated: Repetition
) -> PlausiblePatch:
    runs = min(unchanged.runs or repeated.runs, repeated.runs)
    return replace(patch, verdict=replace(patch.verdict, repeated=runs))


def flaky_ending(unchanged: Repetition) -> Ending:
    """How a repair ends whose failing tests all pass now and then without any patch."""
    test_id, passes = max(unchanged.passes.items(), key=lambda item: item[1])
    return Ending(
        Status.FLAKY,
        f"unchanged, {test_id} passed in {passes} of {unchanged.runs} more runs: this depends on "
        "chance, and so did each patch that was found; make it fail each time (fix the seed, the "
        "clock or the order), then a patch can be judged by it",
    )


def now_and_then(patch: PlausiblePatch, repeated: Repetition) -> str:
    """Why a patch that passed the verdict is not announced."""
    test_id = min(repeated.passes, key=lambda one: repeated.passes[one])
    return (
        f"with {patch.candidate.description}, {test_id} passes only now and then "
        f"({repeated.passes[test_id]} of {repeated.runs} more runs); make that test steady first"
    )


def _minimised(
    patch: PlausiblePatch, validation: ValidationContext, state: RepairState, context: RunContext
) -> PlausiblePatch:
    verdicts: dict[CandidatePatch, Verdict] = {}

    def accepts(smaller: CandidatePatch) -> bool:
        verdicts[smaller] = validate_candidate(smaller, validation)
        return verdicts[smaller].plausible

    context.listen(Progress(text="dropping edits that are not needed"))
    smallest = minimize(patch.candidate, context.prepared(state).snapshot.read, accepts)
    if smallest not in verdicts:
        return patch  # nothing could be dropped
    # It must stay the first: it was chosen, and it only became smaller.
    changes = context.prepared(state).changed_files(smallest)
    gaps = context.prepared(state).record.not_built
    sources = context.failing_sources(state)
    shorter = appraise(smallest, verdicts[smallest], changes, sources, gaps)
    return replace(shorter, score=max(shorter.score, patch.score))
