"""select: the best patch that passed; one of the search without the edits it does not need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from agent.baseline.evidence import flaky_after_all
from agent.events import Progress
from agent.graph.context.run_context import RunContext
from agent.graph.model_choice import at_rest
from agent.graph.nothing_found import nothing_found
from agent.graph.outcome import Ending
from agent.graph.patch_confidence import LEFT_SECONDS, with_confidence, with_strength
from agent.graph.state import RepairState
from agent.records import CandidatePatch, PlausiblePatch, Status, Verdict
from agent.selection.minimization import minimize
from agent.selection.patch_ranking import by_evidence, is_models_choice, ranked
from agent.selection.plausible_patch import appraise
from agent.selection.unneeded_changes import MAX_CHECK_SECONDS, unneeded_changes
from agent.selection.voting import with_votes
from agent.serialization import plain, restore
from agent.validation.repeated_runs import (
    Repetition,
    cautions_of_runs,
    fails_nothing,
    repeat_patched,
    repeat_unchanged,
)
from agent.validation.validation_context import ValidationContext
from agent.validation.validator import validate_candidate
from sandbox.errors import SandboxError

MAX_MINIMIZATION_SHARE = 0.25
"""Of the time that is left to the repair: the patch is not confirmed yet."""


def select(state: RepairState, context: RunContext) -> dict[str, Any]:
    update = at_rest(state, context)
    return {**update, **_selected(cast(RepairState, {**state, **update}), context)}


def _selected(state: RepairState, context: RunContext) -> dict[str, Any]:
    plausible = [restore(PlausiblePatch, record) for record in state.get("plausible", [])]
    patches = ranked(with_votes(plausible, lambda one: context.prepared(state).changed_files(one)))
    if not patches:
        return _ended(nothing_found(state, context.job))
    context.listen(Progress(text="running the failing tests again, unchanged"))
    validation = context.validation(state)
    base_reruns = repeat_unchanged(validation, context.seconds_left())
    flaky = frozenset(base_reruns.sometimes)
    if flaky and flaky.issuperset(validation.fail_to_pass):
        return {**_ended(flaky_ending(base_reruns)), "plausible": []}
    validation = replace(validation, evidence=flaky_after_all(validation.evidence, flaky))
    update = {"evidence": plain(validation.evidence)} if flaky else {}
    patches = [_without(patch, flaky) for patch in patches]
    patches, why_none = _steady(patches, base_reruns, validation, state, context)
    if not patches:
        return {**update, **_ended(Ending(Status.NOT_REPAIRED, why_none)), "plausible": []}
    # One is confirmed by now: whatever is measured from here on cannot cost the repair.
    best, *alternatives = _measured(patches, base_reruns, validation, state, context)
    best = with_strength(_with_silence(best, state), validation, state, context)
    return update | _announced((best, *alternatives))


def _steady(
    patches: Sequence[PlausiblePatch],
    base_reruns: Repetition,
    validation: ValidationContext,
    state: RepairState,
    context: RunContext,
) -> tuple[list[PlausiblePatch], str]:
    """The first with which the failing tests pass each time, trimmed, and those behind it; none,
    and why, where it is so with none."""
    why_none = ""
    for place, patch in enumerate(patches):
        for form in _forms(patch, validation, state, context):
            context.listen(Progress(text="running the failing tests again, with the patch"))
            changes = context.prepared(state).changed_files(form.candidate)
            reruns = repeat_patched(validation, changes, context.seconds_left())
            if not reruns.not_always:
                return [_confirmed(form, base_reruns, reruns), *patches[place + 1 :]], ""
            why_none = now_and_then(patch, reruns)
        context.listen(Progress(text=f"dropped: {why_none}"))
    return [], why_none


def _forms(
    patch: PlausiblePatch, validation: ValidationContext, state: RepairState, context: RunContext
) -> Iterator[PlausiblePatch]:
    """The patch as it may be announced: trimmed, and whole where the tests turn out unsteady
    without what was dropped, such as a lock that a single run does not miss."""
    smaller = _trimmed(patch, validation, state, context)
    yield smaller
    if smaller.candidate != patch.candidate:
        context.listen(Progress(text="its smaller form passes only now and then: taking the whole"))
        yield patch


def _measured(
    patches: Sequence[PlausiblePatch],
    base_reruns: Repetition,
    validation: ValidationContext,
    state: RepairState,
    context: RunContext,
) -> list[PlausiblePatch]:
    """The patches with how sure each is. The first is confirmed; another one takes its place where
    more of what was executed speaks for it, and it can be confirmed, too."""
    rated_patches = with_confidence(patches, validation, state, context)
    favourite, *alternatives = by_evidence(rated_patches)
    if favourite.candidate == patches[0].candidate or context.seconds_left() <= LEFT_SECONDS:
        return rated_patches
    try:
        steady, _ = _steady([favourite], base_reruns, validation, state, context)
    except (SandboxError, OSError):
        if context.stop.is_set():
            raise
        return rated_patches
    if context.overdue.is_set():
        return rated_patches  # it may have failed for that alone
    if not steady or steady[0].candidate == favourite.candidate:
        return [*steady, *alternatives]
    return with_confidence([*steady, *alternatives], validation, state, context)


def _announced(patches: Sequence[PlausiblePatch]) -> dict[str, Any]:
    note = f", the best of {len(patches)}" if len(patches) > 1 else ""
    ending = Ending(Status.REPAIRED, f"{patches[0].candidate.description}{note}")
    return {**_ended(ending), "plausible": [plain(patch) for patch in patches]}


def _with_silence(patch: PlausiblePatch, state: RepairState) -> PlausiblePatch:
    """The patch, with a word on the model where one was asked and does not stand for it."""
    place = state.get("portfolio")
    if not place or is_models_choice(patch):
        return patch
    endings = "; ".join(dict.fromkeys(place["endings"])) or "it had not come to an end"
    note = f"the model neither made nor chose this patch ({endings})"
    return replace(patch, cautions=(*patch.cautions, note))


def _ended(ending: Ending) -> dict[str, Any]:
    return {"ending": plain(ending), "summary": ending.reason}


def _without(patch: PlausiblePatch, flaky: Collection[str]) -> PlausiblePatch:
    """The patch, with no claim on tests that also pass unchanged."""
    claims = {t: o for t, o in patch.verdict.fail_to_pass.items() if t not in flaky}
    return replace(patch, verdict=replace(patch.verdict, fail_to_pass=claims))


def _confirmed(
    patch: PlausiblePatch, unchanged: Repetition, repeated: Repetition
) -> PlausiblePatch:
    runs = min(unchanged.runs or repeated.runs, repeated.runs)
    notes = cautions_of_runs(unchanged, repeated)
    verdict = replace(patch.verdict, repeated=runs)
    return replace(patch, verdict=verdict, cautions=(*patch.cautions, *notes))


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


def _trimmed(
    patch: PlausiblePatch, validation: ValidationContext, state: RepairState, context: RunContext
) -> PlausiblePatch:
    """The patch to announce. What a model made or chose stays whole: it knows what was asked for,
    and tests show a part of that."""
    by_model = context.job.asks_model and patch.candidate.proposer != "search"
    if by_model or patch.chosen:
        return with_unneeded(patch, validation, state, context)
    return _minimised(patch, validation, state, context)


def with_unneeded(
    patch: PlausiblePatch, validation: ValidationContext, state: RepairState, context: RunContext
) -> PlausiblePatch:
    """The patch, with words on its changes that none of the failing tests of `validation` needs."""
    preparation = context.prepared(state)
    seconds = sum(validation.evidence.seconds.get(test, 1.0) for test in validation.fail_to_pass)
    limit = min(MAX_CHECK_SECONDS, _minimization_seconds(context))
    limit = limit if seconds <= limit else 0.0

    def still_passes(smaller: CandidatePatch) -> bool:
        context.listen(Progress(text="looking for changes that no failing test needs"))
        return fails_nothing(validation, preparation.changed_files(smaller))

    read_base = preparation.snapshot.read
    notes = tuple(unneeded_changes(patch.candidate, read_base, still_passes, limit))
    return replace(patch, cautions=(*patch.cautions, *notes))


def _minimization_seconds(context: RunContext) -> float:
    """What may be spent on a smaller patch, or on words about one."""
    return MAX_MINIMIZATION_SHARE * max(0.0, context.seconds_left())


def _minimised(
    patch: PlausiblePatch, validation: ValidationContext, state: RepairState, context: RunContext
) -> PlausiblePatch:
    verdicts: dict[CandidatePatch, Verdict] = {}

    def accepts(smaller: CandidatePatch) -> bool:
        verdicts[smaller] = validate_candidate(smaller, validation)
        return verdicts[smaller].plausible

    context.listen(Progress(text="dropping edits that are not needed"))
    seconds = _minimization_seconds(context)
    smallest = minimize(patch.candidate, context.prepared(state).snapshot.read, accepts, seconds)
    if smallest not in verdicts:
        return patch  # nothing could be dropped
    # It must stay the first: it was chosen, and it only became smaller.
    changes = context.prepared(state).changed_files(smallest)
    gaps = context.prepared(state).record.not_built
    sources = context.failing_sources(state)
    shorter = appraise(smallest, verdicts[smallest], changes, sources, gaps)
    score = max(shorter.score, patch.score)
    return replace(shorter, score=score)  # what was measured was another patch
