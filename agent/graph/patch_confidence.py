"""How sure the patches of a run are right: executes the signs, and adds them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.events import Progress
from agent.graph.context.run_context import RunContext
from agent.graph.state import RepairState
from agent.patches.changes import FileChange
from agent.records import Confidence, ExecutedSigns, PlausiblePatch
from agent.selection.confidence import confidence_of
from agent.source.demanded_errors import demanded_errors
from agent.validation.differential.calls.agreement import signs_of_patch
from agent.validation.differential.calls.common_calls import CommonCalls, common_calls
from agent.validation.test_strength import strength_at
from agent.validation.validation_context import ValidationContext
from sandbox.errors import EngineLost, SandboxDied, SandboxError

MAX_COMPARED_PATCHES = 8
MAX_TEST_SECONDS = 10.0
"""Of the failing tests together; slower ones are not run again for it."""
LEFT_SECONDS = 10.0
"""With less time left nothing is executed for it; what is executed ends before that."""
MEASURING_ERRORS = (SandboxError, OSError, SyntaxError, ValueError, RecursionError, MemoryError)
"""Of the machine, and of what nests too deeply for the parser: none of them costs a repair."""


def with_confidence(
    patches: Sequence[PlausiblePatch],
    validation: ValidationContext,
    state: RepairState,
    context: RunContext,
) -> list[PlausiblePatch]:
    """The patches with how sure each is right, by what they answer to the same generated calls;
    as they are where no time is left, or the machine fails. Adds a few seconds. Raises what a
    stop of the run makes of its sandboxes, and nothing else of them."""
    if context.seconds_left() <= LEFT_SECONDS or not validation.language.abilities.copies:
        return list(patches)
    context.listen(Progress(text="comparing what passes with the base on generated calls"))
    number = min(len(patches), MAX_COMPARED_PATCHES)
    error_names = demanded_errors(context.failing_sources(state))
    try:
        preparation = context.prepared(state)
        changes = [preparation.changed_files(patch.candidate) for patch in patches[:number]]
        common = _common(changes, validation, context)
        signs = [signs_of_patch(common, place, number, error_names) for place in range(number)]
    except MEASURING_ERRORS:
        if context.stop.is_set():
            raise
        return list(patches)
    is_late = context.seconds_left() <= LEFT_SECONDS and not common.calls
    if is_late or context.overdue.is_set():
        return list(patches)
    return [*map(_sure, patches[:number], signs), *patches[number:]]


def confidence_here(
    patch: PlausiblePatch,
    changes: Mapping[str, FileChange],
    validation: ValidationContext,
    state: RepairState,
    context: RunContext,
) -> Confidence | None:
    """How sure a patch is by what it does here, as `changes` and not as its own edits; None as for
    `with_confidence`. Whether others would pass is not known."""
    if context.seconds_left() <= LEFT_SECONDS:
        return None
    try:
        common = _common([changes], validation, context)
        signs = signs_of_patch(common, 0, 1, demanded_errors(context.failing_sources(state)))
        strength = strength_at(validation, changes, context.seconds_left() - LEFT_SECONDS)
    except MEASURING_ERRORS:
        if context.cut_off:
            raise
        return None
    swap_count, choice_count = strength.tried, strength.chosen
    signs = replace(signs, swaps=swap_count, chosen_swaps=choice_count, noticed=strength.noticed)
    return _sure(patch, replace(signs, unnoticed=strength.unnoticed)).confidence


def with_strength(
    patch: PlausiblePatch, validation: ValidationContext, state: RepairState, context: RunContext
) -> PlausiblePatch:
    """The patch with its confidence after small faults were put into its lines; as it is where no
    time is left, or the machine fails. Raises as `with_confidence` does."""
    if patch.confidence is None or context.seconds_left() <= LEFT_SECONDS:
        return patch
    context.listen(Progress(text="trying whether the tests notice faults in the patch"))
    try:
        changes = context.prepared(state).changed_files(patch.candidate)
        strength = strength_at(validation, changes, context.seconds_left() - LEFT_SECONDS)
    except MEASURING_ERRORS:
        if context.stop.is_set():
            raise
        return patch
    if context.overdue.is_set():  # what ran then was ended by that, not by a fault
        return patch
    signs = replace(
        patch.confidence.signs,
        swaps=strength.tried,
        chosen_swaps=strength.chosen,
        noticed=strength.noticed,
        unnoticed=strength.unnoticed,
    )
    return _sure(patch, signs)


def _sure(patch: PlausiblePatch, signs: ExecutedSigns) -> PlausiblePatch:
    signs = replace(signs, repaired=len(patch.verdict.fail_to_pass))
    return replace(patch, confidence=confidence_of(patch, signs, patch.penalty))


def _common(
    changed: Sequence[Mapping[str, FileChange]],
    validation: ValidationContext,
    context: RunContext,
) -> CommonCalls:
    """The answers of all these patches to the same calls; none where nothing can be asked."""
    check = validation.remote_calls
    tests = [t for t in validation.fail_to_pass if t in validation.pytest_names]
    if check is None or not tests:
        return CommonCalls()
    if sum(validation.evidence.seconds.get(t, 1.0) for t in tests) > MAX_TEST_SECONDS:
        return CommonCalls()
    names = [validation.pytest_names[t] for t in tests]
    seconds = context.seconds_left() - LEFT_SECONDS
    try:
        return common_calls(check.split_run, names, check.guards, changed, seconds)
    except (SandboxDied, SyntaxError, ValueError, RecursionError) as error:
        if isinstance(error, EngineLost) or context.cut_off:
            raise
        return CommonCalls()  # the doing of the code inside: it does not raise its figure
