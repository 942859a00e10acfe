"""The slow way to evaluate candidates: run the project's own test command for each.

For commands that are not pytest or unittest, and in other languages, there is no process
to fork. Each worker keeps one sandbox, writes the candidate's files, runs the command (where it can
be told names: first for some of the failing tests) and puts the base files back.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.base import Session
from sandbox.errors import SandboxDied
from sandbox.evaluation.base import Evaluation, State
from sandbox.runners.base import Outcome, TestReport, TestRunner
from sandbox.source import DecodedSource, SourceEdit, apply_edits

PATIENT_FACTOR = 3.0


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
    first: Sequence[str] = ()
    """Targets that run before all others, by name, and must pass for those to run at all; none for
    a command that runs as a whole or not at all."""
    test_seconds: float | None = None
    """One test, where the runner can limit that."""


class RerunEvaluator:
    """Evaluates candidates by running the tests for each in a process of its own; same calls as
    `sandbox.languages.python.forking_evaluator.ForkingEvaluator`: candidates in, evaluations out.
    """

    def __init__(
        self, open_session: Callable[[], Session], settings: RerunSettings, workers: int
    ) -> None:
        self._settings = settings
        self._jobs: queue.Queue[tuple[int, Sequence[SourceEdit], float] | None] = queue.Queue()
        self._done: queue.Queue[Evaluation | SandboxDied] = queue.Queue()
        self._sessions = [open_session() for _ in range(workers)]
        for session in self._sessions:
            threading.Thread(target=self._work, args=(session,), daemon=True).start()

    def submit(
        self,
        number: int,
        edits: Sequence[SourceEdit],
        *,
        patient: bool = False,
    ) -> None:
        seconds = self._settings.timeout_seconds * (PATIENT_FACTOR if patient else 1.0)
        self._jobs.put((number, edits, seconds))

    def collect(self, timeout_seconds: float) -> list[Evaluation]:
        """Return the evaluations that are finished; waits for the first. Raises SandboxDied."""
        evaluations: list[Evaluation] = []
        try:
            item = self._done.get(timeout=timeout_seconds)
            while True:
                if isinstance(item, SandboxDied):
                    raise item
                evaluations.append(item)
                item = self._done.get_nowait()
        except queue.Empty:
            return evaluations

    def close(self) -> None:
        for session in self._sessions:
            self._jobs.put(None)
            session.close()

    def _work(self, session: Session) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._done.put(self._evaluate(session, *job))
            except SandboxDied as death:
                self._done.put(death)
                return

    def _evaluate(
        self, session: Session, number: int, edits: Sequence[SourceEdit], seconds: float
    ) -> Evaluation:
        start_seconds = time.monotonic()
        files: dict[str, list[SourceEdit]] = {}
        for edit in edits:
            files.setdefault(edit.path, []).append(edit)
        bases = {path: self._settings.read(path) for path in files}
        for path, base in bases.items():
            session.write(path, base.encode(apply_edits(base.text, files[path])))
        report = self._report(session, seconds)
        for path, base in bases.items():
            session.write(path, base.encode(base.text))
        outcomes = {test_id: result.outcome.value for test_id, result in report.results.items()}
        targets_passed = sum(
            outcomes.get(target) == Outcome.PASSED.value for target in self._settings.targets
        )
        return Evaluation(
            number=number,
            state=self._state(report, outcomes, targets_passed),
            outcomes=outcomes,
            signature=_signature(report, self._settings.targets),
            targets_passed=targets_passed,
            seconds=time.monotonic() - start_seconds,
            mode="disk",
        )

    def _report(self, session: Session, seconds: float) -> TestReport:
        """Of the tests that come first where one of them does not pass, else of all."""
        settings = self._settings
        if settings.first:
            report = settings.runner.run(
                session,
                settings.first,
                timeout_seconds=seconds,
                test_timeout_seconds=settings.test_seconds,
            )
            passes = (
                report.results[test].outcome for test in settings.first if test in report.results
            )
            if list(passes) != [Outcome.PASSED] * len(settings.first):
                return report
        return settings.runner.run(
            session, None, timeout_seconds=seconds, test_timeout_seconds=settings.test_seconds
        )

    def _state(self, report: TestReport, outcomes: Mapping[str, str], targets_passed: int) -> State:
        if report.command.timed_out:
            return "timed_out"
        if targets_passed < len(self._settings.targets):
            return "target_failed"
        regressions_passed = (
            outcomes.get(test) == Outcome.PASSED.value for test in self._settings.regressions
        )
        return "passed" if all(regressions_passed) else "regressed"


def _signature(report: TestReport, targets: Sequence[str]) -> str:
    """The first failing target's message, or the end of the command's output."""
    for target in targets:
        result = report.results.get(target)
        if result is not None and result.outcome is not Outcome.PASSED:
            return f"{target}: {result.exception}: {result.message or result.details[-300:]}"
    return (report.command.stdout + report.command.stderr)[-300:]
