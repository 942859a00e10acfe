"""regroup: what is left after a group of failing tests had its turn, and who is next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.baseline.evidence import BaselineEvidence, focused, red
from agent.baseline.failures.grouping import TestGroup, without_tests
from agent.errors import AgentError
from agent.events import Progress
from agent.graph.context.run_context import RunContext
from agent.graph.nodes.select import with_unneeded
from agent.graph.outcome import Ending
from agent.graph.rounds import NARROWED, afresh, conclusion, next_round, reasons
from agent.graph.state import RepairState
from agent.records import CandidatePatch, PlausiblePatch, Status
from agent.selection.confidence import confidence_of_whole, is_unmeasured
from agent.selection.plausible_patch import appraise
from agent.selection.unneeded_changes import UNKNOWN, UNNEEDED
from agent.serialization import plain, restore
from agent.validation.other_tests import passing_with
from agent.validation.repeated_runs import (
    REPEATED,
    cautions_of_runs,
    repeat_patched,
    repeat_unchanged,
)
from agent.validation.validation_context import ValidationContext
from agent.validation.validator import is_turned_down, validate_candidate
from agent.wording import brief, counted
from sandbox.errors import SandboxError
from sandbox.runners.base import Outcome

APART = "a patch was found for it, which does not go together with the one for the others"
UNTRIED = "a patch was found for it, but not tried together with the one for the others"
MAX_WHOLE_VERDICTS = 3
"""On one patch for several groups: with what turned green beside, with what of it held, without."""
MAX_COMPARED = 5
"""Patches of a group that are tried on the tests of the others."""


def regroup(state: RepairState, context: RunContext) -> dict[str, Any]:
    ending = restore(Ending, state["ending"])
    if ending.status is Status.REPAIRED:
        update = _with_group(state, context)
    else:
        partial_update = _narrowed(state, context, ending)
        if partial_update is not None:
            return partial_update
        update = _without_group(state, ending)
    after: RepairState = {**state, **update}  # type: ignore[typeddict-item]
    context.end_round()
    next_update = next_round(after, context.seconds_left())
    if next_update is None:
        return update | conclusion(after)
    context.folder.journal.unlink(missing_ok=True)  # what was tried was tried on other tests
    context.listen(Progress(text=f"on to {next_update['summary']}"))
    return update | next_update


def _with_group(state: RepairState, context: RunContext) -> dict[str, Any]:
    """The tests of this round are repaired: so may others be, and it has to go together with
    what was repaired before. Where that cannot be tried, nothing is lost."""
    evidence = restore(BaselineEvidence, state["evidence"])
    before = state.get("repaired")
    round_tests = evidence.baseline.failing
    cautions = [*(before["cautions"] if before else ()), *_narrowness(state, round_tests)]
    alone = {"tests": list(round_tests), "patches": state["plausible"], "cautions": cautions}
    try:
        whole = _with_others(state, context, evidence, before)
    except (SandboxError, AgentError, OSError) as error:
        if context.stop.is_set():
            raise
        if before is None:
            return {"repaired": alone}
        why = "the time was over" if context.overdue.is_set() else brief(error)
        return _failed(state, dict.fromkeys(round_tests, f"{UNTRIED}: {why}"))
    if whole is not None:
        patch, tests = whole
        return {"repaired": {"tests": tests, "patches": [plain(patch)], "cautions": cautions}}
    if before is None:
        return {"repaired": alone}
    return _failed(state, dict.fromkeys(round_tests, APART))


def _with_others(
    state: RepairState,
    context: RunContext,
    evidence: BaselineEvidence,
    before: Mapping[str, Any] | None,
) -> tuple[PlausiblePatch, list[str]] | None:
    """One patch for more than the tests of this round, and its tests; None where there is none."""
    patches = [restore(PlausiblePatch, patch) for patch in state["plausible"]]
    round_tests = evidence.baseline.failing
    earlier_tests = frozenset(before["tests"]) if before else frozenset[str]()
    earlier = restore(PlausiblePatch, before["patches"][0]) if before else None
    if earlier is not None:
        patches = _not_turned_down(patches, earlier, state, context)
    if not patches:
        return None
    best, extra_tests = _reaching_most(patches, evidence, earlier_tests, state, context)
    parts = [best] if earlier is None else [best, earlier]
    candidate = best.candidate if earlier is None else together(earlier.candidate, best.candidate)
    for verdicts_left in reversed(range(MAX_WHOLE_VERDICTS)):
        tests = earlier_tests.union(round_tests, extra_tests)
        if len(tests) == len(round_tests):
            return None
        whole, red_tests = _judged_whole(candidate, tests, state, context)
        if whole is not None:
            whole = with_words_of(parts, whole)
            return _with_needs(parts, whole, tests, state, context), sorted(tests)
        if not extra_tests:
            return None
        # One that passed by chance, or leans on others, does not take the rest with it.
        still_green = extra_tests - red_tests
        is_last = verdicts_left == 1 or still_green == extra_tests
        extra_tests = frozenset() if is_last else still_green
    return None


def _not_turned_down(
    patches: Sequence[PlausiblePatch],
    earlier: PlausiblePatch,
    state: RepairState,
    context: RunContext,
) -> list[PlausiblePatch]:
    """Those that together with the earlier one are no patch that people turned down."""
    if not state.get("job", {}).get("excluded"):
        return list(patches)
    validation = context.validation(state)
    wholes = [together(earlier.candidate, patch.candidate) for patch in patches]
    return [
        patch
        for patch, whole in zip(patches, wholes, strict=True)
        if not is_turned_down(whole, validation)
    ]


def with_words_of(parts: Sequence[PlausiblePatch], whole: PlausiblePatch) -> PlausiblePatch:
    """The whole patch with what was said for and against the patches that it is made of."""
    own_words = (REPEATED, UNNEEDED, UNKNOWN)
    part_cautions = (c for part in parts for c in part.cautions if not c.startswith(own_words))
    # The whole has repeated runs of its own, and tests that may need what those of a part do not.
    cautions = dict.fromkeys((*whole.cautions, *part_cautions))
    choice = next((part.chosen for part in parts if part.chosen), whole.chosen)
    whole = replace(whole, cautions=tuple(cautions), chosen=choice)
    confidence = confidence_of_whole(whole, parts)
    return replace(whole, confidence=confidence, unmeasured=is_unmeasured(whole, parts))


def _with_needs(
    parts: Sequence[PlausiblePatch],
    whole: PlausiblePatch,
    tests: Collection[str],
    state: RepairState,
    context: RunContext,
) -> PlausiblePatch:
    """The whole patch, with words on its changes that none of all its tests needs, where there
    were such words on a part."""
    if not any(c.startswith((UNNEEDED, UNKNOWN)) for part in parts for c in part.cautions):
        return whole
    return with_unneeded(whole, _validation_of(tests, state, context), state, context)


def _narrowness(state: RepairState, tests: Collection[str]) -> Sequence[str]:
    """A caution where only some tests of a group pass with the patch."""
    group = state.get("narrowed")
    if not group:
        return ()
    return (f"of {len(group)} tests that seem to fail for one cause it makes {len(tests)} pass",)


def _reaching_most(
    patches: Sequence[PlausiblePatch],
    evidence: BaselineEvidence,
    claimed: Collection[str],
    state: RepairState,
    context: RunContext,
) -> tuple[PlausiblePatch, frozenset[str]]:
    """The patch with which most of the other failing tests pass, the first among equals, and
    those tests. Tests that hang are not run for it."""
    test_ids = [
        test_id
        for test_id, result in evidence.others.items()
        if test_id not in claimed and result.outcome is not Outcome.TIMED_OUT
    ]
    if not test_ids:
        return patches[0], frozenset()
    context.listen(Progress(text="running the other failing tests with the patch"))
    validation = context.validation(state)
    changes_of = context.prepared(state).changed_files
    test_sets = [
        passing_with(validation, changes_of(patch.candidate), test_ids)
        for patch in patches[:MAX_COMPARED]
    ]
    place = max(range(len(test_sets)), key=lambda number: (len(test_sets[number]), -number))
    return patches[place], test_sets[place]


def together(first: CandidatePatch, second: CandidatePatch) -> CandidatePatch:
    """Both patches as one. They may not fit together: the verdict says so."""
    if set(second.edits) <= set(first.edits):
        return first
    proposers = dict.fromkeys((*first.proposer.split("+"), *second.proposer.split("+")))
    return CandidatePatch(
        edits=(*first.edits, *(edit for edit in second.edits if edit not in first.edits)),
        proposer="+".join(proposers),
        operator="combined",
        description=f"{first.description}; {second.description}",
        score=min(first.score, second.score),
    )


def _judged_whole(
    candidate: CandidatePatch,
    tests: Collection[str],
    state: RepairState,
    context: RunContext,
) -> tuple[PlausiblePatch | None, frozenset[str]]:
    """The patch for all these tests, with a verdict on all of them; None where it does not hold,
    with those of the tests that were seen not to pass."""
    context.listen(Progress(text=f"judging one patch for {counted(len(tests), 'test')}"))
    context.end_round()
    validation = _validation_of(tests, state, context)
    verdict = validate_candidate(candidate, validation)
    if not verdict.plausible:
        context.listen(Progress(text=f"it does not hold: {'; '.join(verdict.objections)}"))
        return None, frozenset(t for t, how in verdict.fail_to_pass.items() if how != "passed")
    preparation = context.prepared(state)
    changes = preparation.changed_files(candidate)
    base_reruns = repeat_unchanged(validation, context.seconds_left())
    reruns = repeat_patched(validation, changes, context.seconds_left())
    by_chance = frozenset((*base_reruns.sometimes, *reruns.not_always))
    if by_chance:
        return None, by_chance
    runs = min(base_reruns.runs or reruns.runs, reruns.runs)
    verdict = replace(verdict, repeated=runs)
    sources = preparation.test_sources(validation.fail_to_pass)
    whole = appraise(candidate, verdict, changes, sources, preparation.record.not_built)
    notes = cautions_of_runs(base_reruns, reruns)
    return replace(whole, cautions=(*whole.cautions, *notes)), frozenset()


def _validation_of(
    tests: Collection[str], state: RepairState, context: RunContext
) -> ValidationContext:
    """What a verdict on a patch for all these tests is taken with."""
    evidence = restore(BaselineEvidence, state["evidence"])
    whole_evidence = focused(evidence, tests, dict.fromkeys(red(evidence), NARROWED))
    return context.validation({**state, "evidence": plain(whole_evidence)})


def _narrowed(state: RepairState, context: RunContext, ending: Ending) -> dict[str, Any] | None:
    """Where a candidate made some of the tests pass: it is judged by those; None where none did."""
    evidence = restore(BaselineEvidence, state["evidence"])
    failing_tests = evidence.baseline.failing
    is_flaky = ending.status is Status.FLAKY
    candidates = [] if is_flaky or len(failing_tests) < 2 else _near(state, failing_tests)
    requests = set(state.get("asked", ()))
    candidates = [pair for pair in candidates if not requests or not requests.isdisjoint(pair[1])]
    if not candidates:
        return None
    most = max((tests for _, tests in candidates), key=len)
    remainder = {t: NARROWED for t in failing_tests if t not in most}
    after: RepairState = {**state, "unrepaired": {**state.get("unrepaired", {}), **remainder}}
    context.end_round()
    return {
        **afresh(state),
        "proposed": [plain(candidate) for candidate, tests in candidates if tests == most],
        "exhausted": True,
        "evidence": plain(focused(evidence, most, reasons(after, evidence))),
        "unrepaired": after["unrepaired"],
        "narrowed": state.get("narrowed") or list(failing_tests),
        "first_ending": _first(state, ending),
        "summary": f"a patch for {len(most)} of {len(most) + len(remainder)} failing tests",
    }


def _near(
    state: RepairState, failing: Sequence[str]
) -> list[tuple[CandidatePatch, frozenset[str]]]:
    """Patches that came near, and which of the tests they made pass that fail for all that is
    known now."""
    pairs = [
        (restore(CandidatePatch, item["candidate"]), frozenset(item["tests"]).intersection(failing))
        for item in state.get("near", [])
    ]
    return [(candidate, tests) for candidate, tests in pairs if tests]


def _without_group(state: RepairState, ending: Ending) -> dict[str, Any]:
    evidence = restore(BaselineEvidence, state["evidence"])
    first_clause = ending.reason.partition(";")[0]
    why = f"no patch was found for it ({first_clause})"
    group = state.get("narrowed") or evidence.baseline.failing
    update = {**_failed(state, dict.fromkeys(group, why)), "first_ending": _first(state, ending)}
    if ending.status is Status.FLAKY:  # they pass by chance: more tries would only find such a one
        groups = [restore(TestGroup, item) for item in state.get("groups", [])]
        update["groups"] = [plain(item) for item in without_tests(groups, group)]
    return update


def _first(state: RepairState, ending: Ending) -> dict[str, Any]:
    """The ending that is told where no round repairs anything: the first; but that tests depend on
    chance is told only where it is so in every round."""
    first = state.get("first_ending")
    return first if first and first["status"] != Status.FLAKY else plain(ending)


def _failed(state: RepairState, why: Mapping[str, str]) -> dict[str, Any]:
    return {"unrepaired": {**state.get("unrepaired", {}), **why}}
