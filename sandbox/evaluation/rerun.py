"""The slow way to evaluate candidates: run the project's own test command for each.

For commands that are not pytest or unittest, and in other languages, there is no process to fork.
Each worker keeps one sandbox, writes the candidate's files, runs the command (where it can be told
names: first for some of the failing tests) and puts the base files back. What a run may have left
behind is not for the next: after one that ended out of the ordinary the sandbox is a fresh one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.base import Session
from sandbox.errors import SandboxDied
from sandbox.evaluation.base import AHEAD_PER_WORKER, Evaluation, State
from sandbox.evaluation.screen import Screen, StartResident
from sandbox.runners.base import Outcome, TestReport, TestRunner
from sandbox.source import DecodedSource, SourceEdit, apply_edits

PATIENT_FACTOR = 3.0
MAX_SESSION_RUNS = 25
"""Candidates in one sandbox: their tests may leave files behind that nobody sees."""
CONTROL_EVERY = 16
"""Candidates that a process which stays has judged, before the unchanged program is asked again."""
MAX_SPOILED = 4
"""Such processes in one worker that came to fail otherwise, or ended before they had judged as many
candidates as that: after that none is used."""
START_FACTOR = 1.5
"""A test may take so many times as long as the first tests of the unchanged program together, their
start and their hooks included."""
_ABNORMAL = frozenset((Outcome.TIMED_OUT, Outcome.CRASHED))
_ORDINARY = frozenset(Outcome) - _ABNORMAL
"""How tests end that leave a sandbox to others."""


@dataclass(frozen=True)
class _Job:
    """A candidate that was handed over."""

    number: int
    edits: Sequence[SourceEdit]
    patient: bool


@dataclass(frozen=True)
class _Trial:
    """One candidate in one sandbox."""

    evaluation: Evaluation
    is_whole: bool
    """Every test that was asked for was reported."""
    is_clean: bool
    """The sandbox may serve another candidate."""


@dataclass(frozen=True, kw_only=True)
class RerunSettings:
    """The test command, tests and time limit of every candidate's run."""

    runner: TestRunner
    targets: Sequence[str]
    regressions: Sequence[str]
    timeout_seconds: float
    """One run of the command; a patient one gets `PATIENT_FACTOR` times as much."""
    read: Callable[[str], DecodedSource]
    """The base text of a source file."""
    outcomes: Callable[[TestReport, Sequence[str]], Mapping[str, str]]
    """How the tests of these names ended, `Outcome` values or another word; a file that could not
    be collected before is such a name, too."""
    first: Sequence[str] = ()
    """Targets that run before all others, by name, and must pass for those to run at all; none for
    a command that runs as a whole or not at all."""
    resident: StartResident | None = None
    """Starts those in a process that stays, where the runner can."""
    test_seconds: float | None = None
    """One test, where the runner can limit that; a patient run gets more, likewise."""


class RerunEvaluator:
    """Evaluates candidates by running the tests for each in a process of its own; same calls as
    `sandbox.languages.python.forking_evaluator.ForkingEvaluator`: candidates in, evaluations out.
    Where some tests can be run in a process that stays, those are asked first.
    """

    def __init__(
        self, open_session: Callable[[], Session], settings: RerunSettings, workers: int
    ) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._done: queue.Queue[Evaluation | Exception] = queue.Queue()
        self._workers = [
            _Worker(open_session, settings, self._jobs, self._done) for _ in range(workers)
        ]
        for worker in self._workers:
            threading.Thread(target=worker.work, daemon=True).start()

    @property
    def window(self) -> int:
        return sum(AHEAD_PER_WORKER + worker.held_back for worker in self._workers)

    def submit(
        self,
        number: int,
        edits: Sequence[SourceEdit],
        *,
        patient: bool = False,
    ) -> None:
        self._jobs.put(_Job(number, edits, patient))

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        """Return the evaluations that are finished; waits for the first. Raises what a worker met:
        a SandboxError, or what opening a sandbox raises."""
        evaluations: list[Evaluation] = []
        try:
            item = self._done.get(timeout=timeout_seconds)
            while True:
                if isinstance(item, Exception):
                    raise item
                evaluations.append(item)
                item = self._done.get_nowait()
        except queue.Empty:
            return evaluations

    def close(self) -> None:
        for worker in self._workers:
            self._jobs.put(None)
            worker.close()


class _Worker:
    """One sandbox, and what runs candidates in it, in a thread of its own."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        settings: RerunSettings,
        jobs: queue.Queue[_Job | None],
        done: queue.Queue[Evaluation | Exception],
    ) -> None:
        self._open_session, self._settings = open_session, settings
        self._jobs, self._done = jobs, done
        self._test_seconds = settings.test_seconds
        self._guard = threading.Lock()
        self._closed = False
        self._session = open_session()
        self._runs = 0
        self._screen: Screen | None = None
        self._spoiled = 0
        self._held: list[tuple[_Job, Evaluation]] = []

    @property
    def held_back(self) -> int:
        """Candidates that wait here although their evaluation is known."""
        return CONTROL_EVERY if self._screen is not None else 0

    def close(self) -> None:
        with self._guard:
            self._closed = True
            session = self._session
        session.close()

    def work(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._take(job)
                if self._held and (
                    len(self._held) >= CONTROL_EVERY
                    or self._held[-1][1].state == "timed_out"  # it may have left something behind
                ):
                    self._control()
        except Exception as error:  # whoever collects has to know
            self._done.put(error)

    def _next(self) -> _Job | None:
        """The next candidate; nothing is held back while there is none."""
        try:
            return self._jobs.get_nowait()
        except queue.Empty:
            if self._held:
                self._control()
            return self._jobs.get()

    def _take(self, job: _Job) -> None:
        evaluation = None if job.patient or not job.edits else self._screened(job)
        if evaluation is not None:
            self._held.append((job, evaluation))
            return
        if self._held:
            self._control()  # what follows may end in another sandbox
        self._done.put(self._run(job))

    def _screened(self, job: _Job) -> Evaluation | None:
        """Of a candidate that does not pass the first tests in the process that stays; None where
        it does, or that process cannot tell."""
        screen = self._screen or self._open_screen()
        start_seconds = time.monotonic()
        try:
            if screen is None or not screen.sees(list(_by_path(job.edits))):
                return None
            with self._written(job.edits):
                report = screen.turn(self._test_seconds)
        except (OSError, ValueError, SandboxDied):
            return None  # processes of its own say what that means
        if report is None or all(
            end == Outcome.PASSED.value
            for end in self._settings.outcomes(report, self._settings.first).values()
        ):
            return None
        return self._evaluation(job.number, report, start_seconds, "resident")

    def _open_screen(self) -> Screen | None:
        settings = self._settings
        if settings.resident is None or not settings.first or self._spoiled >= MAX_SPOILED:
            return None
        self._screen = Screen.of(
            self._session,
            settings.runner,
            settings.resident,
            settings.first,
            settings.read,
            timeout_seconds=settings.timeout_seconds,
        )
        if self._screen is None:
            self._spoiled = MAX_SPOILED
        return self._screen

    def _control(self) -> None:
        """Hand on what is held back, where the unchanged program still fails as it did; else each
        of these candidates runs anew."""
        held, self._held = self._held, []
        if self._screen is not None and self._screen.holds():
            for _, evaluation in held:
                self._done.put(evaluation)
            return
        self._renew(is_spoiled=True)
        for job, _ in held:
            self._done.put(self._run(job))

    def _run(self, job: _Job) -> Evaluation:
        """In processes of its own."""
        trial = self._evaluate(job)
        if not trial.is_whole and self._runs:  # an earlier one may have taken something away
            self._renew()
            trial = self._evaluate(job)
        self._runs += 1
        if not trial.is_clean or self._runs >= MAX_SESSION_RUNS:
            self._renew()
        return trial.evaluation

    def _renew(self, *, is_spoiled: bool = False) -> None:
        """A fresh sandbox in the place of this one."""
        if self._screen is not None:
            self._spoiled += is_spoiled or self._screen.judged < CONTROL_EVERY
            self._screen.close()
            self._screen = None
        self._session.close()
        self._runs = 0
        if self._closed:
            return
        session = self._open_session()
        with self._guard:
            self._session = session
            closed = self._closed
        if closed:
            session.close()

    @contextmanager
    def _written(self, edits: Sequence[SourceEdit]) -> Iterator[None]:
        """The files as these edits make them, for a while. Raises OSError and ValueError where no
        room is left, or a folder is gone."""
        files = _by_path(edits)
        bases = {path: self._settings.read(path) for path in files}
        try:
            for path, base in bases.items():
                self._session.write(path, base.encode(apply_edits(base.text, files[path])))
            yield
        finally:
            for path, base in bases.items():
                self._session.write(path, base.encode(base.text))

    def _evaluate(self, job: _Job) -> _Trial:
        start_seconds = time.monotonic()
        factor = PATIENT_FACTOR if job.patient else 1.0
        try:
            with self._written(job.edits):
                report = self._report(factor, is_base=not job.edits)
        except (OSError, ValueError) as error:
            return _Trial(_crashed(job.number, str(error), start_seconds), False, False)
        asked = self._settings.outcomes(report, self._settings.first or self._settings.targets)
        ends = {*asked.values(), *(result.outcome.value for result in report.results.values())}
        return _Trial(
            self._evaluation(job.number, report, start_seconds, "disk"),
            is_whole=ends <= _ORDINARY | _ABNORMAL,
            is_clean=ends <= _ORDINARY and not report.command.timed_out,
        )

    def _evaluation(
        self, number: int, report: TestReport, start_seconds: float, mode: str
    ) -> Evaluation:
        targets = self._settings.outcomes(report, self._settings.targets)
        targets_passed = sum(end == Outcome.PASSED.value for end in targets.values())
        return Evaluation(
            number=number,
            state=self._state(report, targets, targets_passed),
            outcomes=targets,
            signature=_signature(report, self._settings.targets),
            targets_passed=targets_passed,
            seconds=time.monotonic() - start_seconds,
            mode=mode,
        )

    def _report(self, factor: float, *, is_base: bool) -> TestReport:
        """Of the tests that come first where one of them does not pass, else of all."""
        settings = self._settings
        test_seconds = self._test_seconds
        if test_seconds is not None:
            # What the start and the hooks of the first tests take is known when the base has run.
            test_seconds *= PATIENT_FACTOR if is_base else factor
        if settings.first:
            start_seconds = time.monotonic()
            report = settings.runner.run(
                self._session,
                settings.first,
                timeout_seconds=settings.timeout_seconds * factor,
                test_timeout_seconds=test_seconds,
            )
            if is_base and self._test_seconds is not None:
                took = START_FACTOR * (time.monotonic() - start_seconds)
                self._test_seconds = max(self._test_seconds, took)
            ends = settings.outcomes(report, settings.first).values()
            if any(end != Outcome.PASSED.value for end in ends):
                return report
        return settings.runner.run(
            self._session,
            None,
            timeout_seconds=settings.timeout_seconds * factor,
            test_timeout_seconds=test_seconds,
        )

    def _state(self, report: TestReport, targets: Mapping[str, str], targets_passed: int) -> State:
        if report.command.timed_out or Outcome.TIMED_OUT.value in targets.values():
            return "timed_out"
        if targets_passed < len(self._settings.targets):
            return "target_failed"
        ends = self._settings.outcomes(report, self._settings.regressions).values()
        if Outcome.TIMED_OUT.value in ends:
            return "timed_out"
        return "passed" if all(end == Outcome.PASSED.value for end in ends) else "regressed"


def _by_path(edits: Sequence[SourceEdit]) -> dict[str, list[SourceEdit]]:
    files: dict[str, list[SourceEdit]] = {}
    for edit in edits:
        files.setdefault(edit.path, []).append(edit)
    return files


def _crashed(number: int, why: str, start_seconds: float) -> Evaluation:
    """Of a candidate after which the sandbox could not be used any more."""
    return Evaluation(
        number=number,
        state="crashed",
        outcomes={},
        signature=why[:300],
        targets_passed=0,
        seconds=time.monotonic() - start_seconds,
        mode="disk",
    )


def _signature(report: TestReport, targets: Sequence[str]) -> str:
    """The first failing target's message, or the end of the command's output."""
    for target in targets:
        result = report.results.get(target)
        if result is not None and result.outcome is not Outcome.PASSED:
            return f"{target}: {result.exception}: {result.message or result.details[-300:]}"
        if target in report.collection_errors:
            text = report.collection_errors[target]
            return f"{target}: {text[:300]}{text[300:][-300:]}"
    return (report.command.stdout + report.command.stderr)[-300:]
