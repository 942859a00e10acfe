"""validate: the verdict on each proposed candidate, in a fresh sandbox."""

from __future__ import annotations

from typing import Any

from agent.events import CandidateValidated, Progress
from agent.graph.budget import proposing_seconds, verdicts_left
from agent.graph.context.run_context import RunContext
from agent.graph.model_choice import heard_now
from agent.graph.rounds import time_for_near
from agent.graph.state import RepairState
from agent.patches.doctest_examples import contradiction_in
from agent.proposers.agentic.candidate import PROPOSER
from agent.records import CandidatePatch, RejectedPatch, Verdict
from agent.runs.trajectory import Step, Trajectory
from agent.selection.plausible_patch import appraise
from agent.selection.rejected import nearer, rejected_patch
from agent.serialization import plain, restore
from agent.validation.test_outcomes import PASSED, not_passed
from agent.validation.validator import validate_candidate
from agent.wording import counted

MAX_BROKEN = 2
"""Passing tests that are red with such a candidate: one may be so now and then."""
WRITTEN = ("model", "first_try")
"""Proposers whose patches somebody thought of. A small edit of the search that suits only some of
the tests which fail for one cause is no repair of it: it happens to suit them."""
KEPT_NEAR = 3
"""Candidates that made some of the failing tests pass: those with most of them."""


def passing_in_part(candidate: CandidatePatch, verdict: Verdict) -> list[str]:
    """The failing tests that pass with a rejected patch which hardly breaks any; empty where all
    do, where it was not run, and for small edits of the search. Whether it may break those is for
    the verdict on fewer tests."""
    if candidate.proposer not in WRITTEN:
        return []
    outcomes = verdict.fail_to_pass
    passing_tests = [test_id for test_id, outcome in outcomes.items() if outcome in PASSED]
    breaks = len(not_passed(verdict.pass_to_pass)) > MAX_BROKEN
    return (
        [] if verdict.plausible or breaks or len(passing_tests) == len(outcomes) else passing_tests
    )


def validate(state: RepairState, context: RunContext) -> dict[str, Any]:
    patches: list[Any] = []
    verdicts: list[Any] = []
    best_record = state.get("best_rejected")
    best = None if best_record is None else restore(RejectedPatch, best_record)
    near = list(state.get("near", []))
    preparation = context.prepared(state)
    for proposal in state["proposed"]:
        candidate = restore(CandidatePatch, proposal)
        context.listen(Progress(text=f"judging {candidate.description}{_of_how_many(state)}"))
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
        verdicts.append({"candidate": proposal, "verdict": plain(verdict)})
        if context.job.asks_model:
            number = len(state.get("plausible", [])) + state.get("rejected", 0) + len(verdicts)
            Trajectory(context.folder.trajectory).add(_step(candidate, verdict, number))
        best = _nearest(best, candidate, verdict, context, state)
        if tests := passing_in_part(candidate, verdict):
            near.append({"candidate": proposal, "tests": tests})
        if verdict.plausible:
            changes = preparation.changed_files(candidate)
            sources = context.failing_sources(state)
            patch = appraise(candidate, verdict, changes, sources, preparation.record.not_built)
            patches.append(plain(patch))
    near = sorted(near, key=lambda one: -len(one["tests"]))[:KEPT_NEAR]
    plausible = [*state.get("plausible", []), *patches]
    rejections = state.get("rejected", 0) + len(verdicts) - len(patches)
    update: dict[str, Any] = {
        "proposed": [],
        "plausible": plausible,
        "rejected": rejections,
        "near": near,
        **time_for_near(state, near),
        "summary": f"{len(plausible)} of {len(plausible) + rejections} passed the verdict",
    }
    if context.job.asks_model:
        update["judged"] = verdicts
        by_model = any(entry["candidate"]["proposer"] == "model" for entry in patches)
        if state.get("heard") is None and by_model:
            update["heard"] = heard_now(state, len(plausible) + rejections)
    if best is not None:
        update["best_rejected"] = plain(best)
    if patches and state.get("first_plausible_seconds") is None:
        update["first_plausible_seconds"] = proposing_seconds(state)
    return update


def _step(candidate: CandidatePatch, verdict: Verdict, number: int) -> Step:
    return Step(
        conversation=candidate.proposer,
        kind="verdict",
        turn=number,
        plausible=verdict.plausible,
        text="\n".join((candidate.description, *verdict.objections)),
        seconds=verdict.seconds,
    )


def _of_how_many(state: RepairState) -> str:
    """How many more verdicts there will be, where that has a limit."""
    if not state.get("heard"):
        return ""
    return f" (at most {counted(verdicts_left(state), 'more verdict')})"


def _nearest(
    best: RejectedPatch | None,
    candidate: CandidatePatch,
    verdict: Verdict,
    context: RunContext,
    state: RepairState,
) -> RejectedPatch | None:
    """The model's best rejected candidate once this one was judged, or that of anybody which an
    example alone speaks against."""
    is_kept = candidate.proposer == PROPOSER or contradiction_in(verdict.objections)
    if verdict.plausible or not is_kept or not nearer(best, verdict):
        return best
    changes = context.prepared(state).changed_files(candidate)
    return rejected_patch(candidate, verdict, changes)
