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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.base import Session
from sandbox.evaluation.base import AHEAD_PER_WORKER, Evaluation, State
from sandbox.runners.base import Outcome, TestReport, TestRunner
from sandbox.source import DecodedSource, SourceEdit, apply_edits

PATIENT_FACTOR = 3.0
MAX_SESSION_RUNS = 25
"""Candidates in one sandbox: their tests may leave files behind that nobody sees."""
START_FACTOR = 1.5
"""A test may take so many times as long as the first tests of the unchanged program together, their
start and their hooks included."""
_ABNORMAL = frozenset((Outcome.TIMED_OUT, Outcome.CRASHED))
_ORDINARY = frozenset(Outcome) - _ABNORMAL
"""How tests end that leave a sandbox to others."""


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
    test_seconds: float | None = None
    """One test, where the runner can limit that; a patient run gets more, likewise."""


class RerunEvaluator:
    """Evaluates candidates by running the tests for each in a process of its own; same calls as
    `sandbox.languages.python.forking_evaluator.ForkingEvaluator`: candidates in, evaluations out.
    """

    def __init__(
        self, open_session: Callable[[], Session], settings: RerunSettings, workers: int
    ) -> None:
        self._open_session, self._settings = open_session, settings
        self._test_seconds = settings.test_seconds
        self._jobs: queue.Queue[tuple[int, Sequence[SourceEdit], float] | None] = queue.Queue()
        self._done: queue.Queue[Evaluation | Exception] = queue.Queue()
        self._guard = threading.Lock()
        self._closed = False
        self._sessions = {number: open_session() for number in range(workers)}
        for number in self._sessions:
            threading.Thread(target=self._work, args=(number,), daemon=True).start()

    @property
    def window(self) -> int:
        return AHEAD_PER_WORKER * len(self._sessions)

    def submit(
        self,
        number: int,
        edits: Sequence[SourceEdit],
        *,
        patient: bool = False,
    ) -> None:
        self._jobs.put((number, edits, PATIENT_FACTOR if patient else 1.0))

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
        with self._guard:
            self._closed = True
            sessions = list(self._sessions.values())
        for session in sessions:
            self._jobs.put(None)
            session.close()

    def _work(self, worker: int) -> None:
        runs = 0
        while (job := self._jobs.get()) is not None:
            try:
                trial = self._evaluate(worker, *job)
                if not trial.is_whole and runs:  # an earlier one may have taken something away
                    self._renew(worker)
                    trial, runs = self._evaluate(worker, *job), 0
                runs += 1
                if not trial.is_clean or runs >= MAX_SESSION_RUNS:
                    self._renew(worker)
                    runs = 0
            except Exception as error:  # whoever collects has to know
                self._done.put(error)
                return
            self._done.put(trial.evaluation)

    def _renew(self, worker: int) -> None:
        """A fresh sandbox in the place of the worker's own."""
        self._sessions[worker].close()
        if self._closed:
            return
        session = self._open_session()
        with self._guard:
            self._sessions[worker] = session
            closed = self._closed
        if closed:
            session.close()

    def _evaluate(
        self, worker: int, number: int, edits: Sequence[SourceEdit], factor: float
    ) -> _Trial:
        session, start_seconds = self._sessions[worker], time.monotonic()
        files: dict[str, list[SourceEdit]] = {}
        for edit in edits:
            files.setdefault(edit.path, []).append(edit)
        bases = {path: self._settings.read(path) for path in files}
        try:
            for path, base in bases.items():
                session.write(path, base.encode(apply_edits(base.text, files[path])))
            report = self._report(session, factor, is_base=not files)
            for path, base in bases.items():
                session.write(path, base.encode(base.text))
        except (OSError, ValueError) as error:  # no room is left, or a folder is gone
            return _Trial(_crashed(number, str(error), start_seconds), False, False)
        targets = self._settings.outcomes(report, self._settings.targets)
        targets_passed = sum(end == Outcome.PASSED.value for end in targets.values())
        asked = self._settings.outcomes(report, self._settings.first or self._settings.targets)
        ends = {*asked.values(), *(result.outcome.value for result in report.results.values())}
        evaluation = Evaluation(
            number=number,
            state=self._state(report, targets, targets_passed),
            outcomes=targets,
            signature=_signature(report, self._settings.targets),
            targets_passed=targets_passed,
            seconds=time.monotonic() - start_seconds,
            mode="disk",
        )
        return _Trial(
            evaluation,
            is_whole=ends <= _ORDINARY | _ABNORMAL,
            is_clean=ends <= _ORDINARY and not report.command.timed_out,
        )

    def _report(self, session: Session, factor: float, *, is_base: bool) -> TestReport:
        """Of the tests that come first where one of them does not pass, else of all."""
        settings = self._settings
        test_seconds = self._test_seconds
        if test_seconds is not None:
            # What the start and the hooks of the first tests take is known when the base has run.
            test_seconds *= PATIENT_FACTOR if is_base else factor
        if settings.first:
            start_seconds = time.monotonic()
            report = settings.runner.run(
                session,
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
            session,
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
