"""Take the verdict of a result again, on this machine, on the user's own terms."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from agent.baseline.evidence import BaselineEvidence
from agent.config import Settings
from agent.errors import ResultUnreadable
from agent.events import Listener, Warned
from agent.graph.nodes.baseline import baseline
from agent.graph.nodes.prepare import prepare
from agent.graph.run_context import RunContext
from agent.graph.state import RepairState
from agent.patches.apply_diff import PatchRefused, apply_diff
from agent.patches.changes import diff_bytes
from agent.records import GeneratedTest, Verdict
from agent.reproduction.extended_base import extend_base
from agent.runs.checkpoints import in_file
from agent.runs.folder import RunFolder
from agent.runs.result_file import Evidence, read_evidence, read_result
from agent.runs.verification_terms import Terms, check_place, job_of
from agent.serialization import plain, restore
from agent.validation.validation_context import ValidationContext, reader
from agent.validation.validator import validate_changes
from sandbox.errors import EnvironmentBroken
from sandbox.isolation.owner import scratch_folder


def verify(path: Path, terms: Terms, settings: Settings, listen: Listener) -> Verdict:
    """Fetch the target again, build its environment, run its tests and judge the file's patch.

    Raises ResultUnreadable when the file holds no patch, ResultAsksMore when it asks for what
    the user did not say, and the sandbox's errors.
    """
    result = read_result(path)
    evidence = read_evidence(path)
    if result.patch is None or evidence.baseline is None:
        raise ResultUnreadable(f"{path} holds no patch to verify ({result.status})")
    job = job_of(path, result, evidence, terms)
    for test in result.generated_tests:
        check_place(path, test)
    with scratch_folder() as scratch:
        folder = RunFolder(Path(scratch) / job.run_id)
        folder.save_job(job)
        context = RunContext(
            job, folder, settings, listen, threading.Event(), in_file(folder.checkpoints)
        )
        with closing(context):
            state = _prepared(context, evidence, result.generated_tests)
            absent = _not_failing(context, state)
            if absent:
                return _refused(*absent)
            return _judged(result.patch.diff, context.validation(state))


def _judged(diff: str, validation: ValidationContext) -> Verdict:
    """The diff is judged, not the edits it was made from: it is what people apply."""
    try:
        changes = apply_diff(diff_bytes(diff), reader(validation.base))
    except PatchRefused as refused:
        return _refused(str(refused))
    return validate_changes(changes, validation)


def _refused(*objections: str) -> Verdict:
    return Verdict(plausible=False, fail_to_pass={}, pass_to_pass={}, objections=objections)


def _prepared(
    context: RunContext, evidence: Evidence, generated: Sequence[GeneratedTest]
) -> RepairState:
    """The state after a baseline of our own: what the file says of its tests proves nothing."""
    state: RepairState = {"job": plain(context.job)}
    while "evidence" not in state:
        state.update(prepare(state, context))  # type: ignore[typeddict-item]
        if "ending" in state:
            raise EnvironmentBroken(state["ending"]["reason"])
        for test in generated:
            _add(state, context, test)
        if context.prepared(state).snapshot.digest != evidence.snapshot_digest:
            text = "the target's files are not those the patch was made for; "
            context.listen(Warned(text=text + "the verdict is about the files as they are here"))
        state.update(baseline(state, context))  # type: ignore[typeddict-item]
    return state


def _add(state: RepairState, context: RunContext, test: GeneratedTest) -> None:
    try:
        prepared = context.prepared(state)
        extended = extend_base(prepared.record, prepared.snapshot, context.folder.snapshot, test)
    except ValueError as error:
        raise ResultUnreadable(f"the test that was written cannot be added: {error}") from error
    context.forget_prepared()
    state["prepared"] = plain(extended)


def _not_failing(context: RunContext, state: RepairState) -> list[str]:
    """Why the tests that the file names are none that a patch makes pass."""
    taken = restore(BaselineEvidence, state["evidence"]).baseline
    return [
        f"{test_id} does not fail steadily here without the patch"
        for test_id in context.job.only
        if test_id not in taken.failing
    ]
