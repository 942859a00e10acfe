"""Take the verdict of a result again, on this machine, on the user's own terms."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from agent.baseline.evidence import BaselineEvidence
from agent.config import Settings
from agent.errors import AgentError, ResultUnreadable, VerificationOverdue
from agent.events import Listener, Progress, StageEnded, StageStarted, Warned
from agent.graph.context.run_context import RunContext
from agent.graph.nodes.baseline import baseline
from agent.graph.nodes.prepare import prepare
from agent.graph.patch_confidence import confidence_here
from agent.graph.state import RepairState
from agent.patches.changes import FileChange, diff_bytes
from agent.patches.unified_diff import apply_diff, replaced_lines
from agent.records import GeneratedTest, PlausiblePatch, Verdict, Verification
from agent.reproduction.extended_base import extend_base
from agent.runs.checkpoints import in_file
from agent.runs.folder import RunFolder
from agent.runs.result_file import Evidence, read_evidence, read_result
from agent.runs.stop import Interrupted, raise_if_stopped
from agent.runs.verification_terms import Terms, check_place, job_of
from agent.selection.overfitting.penalty import penalty_of
from agent.serialization import plain, restore
from agent.validation.repeated_runs import repeat_patched, repeat_unchanged
from agent.validation.test_outcomes import not_passed, outcomes
from agent.validation.validation_context import ValidationContext, apply_changes, reader
from agent.validation.validator import validate_changes
from agent.wording import counted
from sandbox.base import Session
from sandbox.errors import EnvironmentBroken, SandboxError
from sandbox.host.heartbeat import heartbeat
from sandbox.isolation.owner import scratch_folder


def verify(
    path: Path,
    terms: Terms,
    settings: Settings,
    listen: Listener,
    stop: threading.Event | None = None,
) -> Verification:
    """Fetch the target again, build its environment, run its tests and judge the file's patch.

    Raises ResultUnreadable when the file holds no patch, ResultAsksMore when it asks for what
    the user did not say, Interrupted once `stop` is set, VerificationOverdue when
    `terms.max_seconds` are over, and the sandbox's errors.
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
        stop = stop or threading.Event()
        checkpoints = in_file(folder.checkpoints)
        context = RunContext(job, folder, settings, listen, stop, checkpoints, login=terms.login)
        with closing(context), _limited(context, terms):
            state = _prepared(context, evidence, result.generated_tests, result.patch)
            absent = _not_failing(context, state)
            if absent:
                verification = _refused(*absent)
            else:
                verification = _watched_judgement(result.patch, context, state)
            if not verification.verdict.plausible:  # for want of a sandbox, perhaps
                _raise_if_cut_off(context)
            return verification


@contextmanager
def _limited(context: RunContext, terms: Terms) -> Iterator[None]:
    """What fails inside for want of a sandbox that was closed is told as what closed it."""
    state: RepairState = {"job": plain(context.job)}
    try:
        with context.time_limit(state, "verify") if terms.max_seconds else nullcontext():
            yield
    except (AgentError, SandboxError) as error:
        try:
            _raise_if_cut_off(context)
        except (Interrupted, VerificationOverdue) as end:
            raise end from error
        raise


def _raise_if_cut_off(context: RunContext) -> None:
    raise_if_stopped(context.stop)
    if context.overdue.is_set():
        seconds = context.job.budget.max_seconds
        raise VerificationOverdue(f"there is no verdict: the {seconds:g} s for it are over")


def _watched_judgement(
    patch: PlausiblePatch, context: RunContext, state: RepairState
) -> Verification:
    """The verdict, with a word at intervals on how far it is: it may take minutes."""
    sandbox_count = _SandboxCount()

    def beat() -> None:
        context.listen(Progress(text=f"judging the patch, {sandbox_count.words()}"))

    with _told(context, "validate"), heartbeat(beat):
        validation = context.validation(state)  # tries its checks on the base first
        sandbox_count.on_base = False
        return _judged(
            patch,
            replace(
                validation,
                open_session=sandbox_count.counted(validation.open_session),
                open_answering=sandbox_count.counted(validation.open_answering),
            ),
            state,
            context,
        )


@dataclass
class _SandboxCount:
    """How many sandboxes the layers of a verdict opened: most run tests once."""

    on_base: bool = True
    number: int = 0

    def counted(self, open_session: Callable[[], Session]) -> Callable[[], Session]:
        def counting() -> Session:
            self.number += 1
            return open_session()

        return counting

    def words(self) -> str:
        if self.on_base:
            return "trying the checks on the unchanged files"
        return f"{counted(self.number, 'sandbox', 'sandboxes')} opened for its test runs"


@contextmanager
def _told(context: RunContext, stage: str) -> Iterator[None]:
    """Announce a stage as the graph does."""
    began = time.monotonic()
    context.listen(StageStarted(stage=stage))
    yield
    context.listen(StageEnded(stage=stage, seconds=time.monotonic() - began, summary=""))


def _judged(
    patch: PlausiblePatch,
    validation: ValidationContext,
    state: RepairState,
    context: RunContext,
) -> Verification:
    """The diff is judged, not the edits it was made from: it is what people apply."""
    try:
        changes = apply_diff(diff_bytes(patch.diff), reader(validation.base))
    except ValueError as error:  # or it is a text that no file could hold
        return _refused(str(error))
    verdict = validate_changes(changes, validation)
    if verdict.plausible and (chance := _by_chance(changes, validation)):
        verdict = replace(verdict, plausible=False, objections=chance)
    if not verdict.plausible:
        return Verification(verdict=verdict)
    # What speaks against the patch is seen here as well: nothing of the file's own word counts.
    penalty = penalty_of(changes, context.failing_sources(state), verdict)
    judged_patch = replace(patch, verdict=verdict, penalty=penalty)
    return Verification(
        verdict=verdict,
        still_red=_still_red(changes, validation),
        confidence=confidence_here(judged_patch, changes, validation, state, context),
    )


def _by_chance(changes: Mapping[str, FileChange], validation: ValidationContext) -> tuple[str, ...]:
    """Why the named tests say nothing, run again as a repair runs them before it is announced."""
    without = repeat_unchanged(validation).sometimes
    unsteady_tests = repeat_patched(validation, changes).not_always
    return (
        *(f"{test_id} passes now and then without the patch" for test_id in without),
        *(f"{test_id} passes only now and then with the patch" for test_id in unsteady_tests),
    )


def _still_red(changes: Mapping[str, FileChange], validation: ValidationContext) -> tuple[str, ...]:
    """The failing tests that the file does not name, and that the patch does not make pass."""
    tests = validation.evidence.unasked
    if not tests:
        return ()
    with validation.open_session() as session:
        apply_changes(session, changes)
        report = validation.run(session, list(tests))
    red = not_passed(outcomes(report, tests, ()))
    return tuple(test_id for test_id in tests if test_id in red)


def _refused(*objections: str) -> Verification:
    verdict = Verdict(plausible=False, fail_to_pass={}, pass_to_pass={}, objections=objections)
    return Verification(verdict=verdict)


def _prepared(
    context: RunContext,
    evidence: Evidence,
    generated: Sequence[GeneratedTest],
    patch: PlausiblePatch,
) -> RepairState:
    """The state after a baseline of our own: what the file says of its tests proves nothing."""
    changed = _changed(patch)
    state: RepairState = {"job": plain(context.job)}
    while "evidence" not in state:
        _raise_if_cut_off(context)
        with _told(context, "prepare"):
            # The file must not say which packages of a workspace are held to their tests.
            state.update(prepare(state, context, (), changed))  # type: ignore[typeddict-item]
        _raise_if_cut_off(context)
        if ending := state.get("ending"):
            raise EnvironmentBroken(ending["reason"])
        for test in generated:
            _add(state, context, test)
        if context.prepared(state).snapshot.digest != evidence.snapshot_digest:
            text = "the target's files are not those the patch was made for; "
            context.listen(Warned(text=text + "the verdict is about the files as they are here"))
        with _told(context, "baseline"):
            state.update(baseline(state, context))  # type: ignore[typeddict-item]
    return state


def _changed(patch: PlausiblePatch) -> list[str]:
    """The files whose lines it replaces; none where it is no patch, which is told later."""
    try:
        return [lines.path for lines in replaced_lines(diff_bytes(patch.diff))]
    except ValueError:
        return []


def _add(state: RepairState, context: RunContext, test: GeneratedTest) -> None:
    try:
        base = context.prepared(state)
        new_record = extend_base(base.record, base.snapshot, context.folder.snapshot, test)
    except ValueError as error:
        raise ResultUnreadable(f"the test that was written cannot be added: {error}") from error
    context.forget_prepared()
    state["prepared"] = plain(new_record)


def _not_failing(context: RunContext, state: RepairState) -> list[str]:
    """Why the tests that the file names are none that a patch makes pass."""
    run_baseline = restore(BaselineEvidence, state["evidence"]).baseline
    return [
        f"{test_id} does not fail steadily here without the patch"
        for test_id in context.job.only
        if test_id not in run_baseline.failing
    ]
