"""The work of an evaluation: one pool answers, another one grades, and both can be ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from agent.evaluation.grading.sandbox_provider import ProgramRunner, SandboxProvider
from agent.evaluation.log import EvaluationLog
from agent.evaluation.progress import Counter
from agent.evaluation.records import Answer, Grade, GradeKind, Plan, Task
from agent.evaluation.solving.base import NotAnswered, Solver
from agent.evaluation.suites.base import FAULT, Suite
from agent.runs.stop import Interrupted
from sandbox.errors import SandboxDied

POLL_SECONDS = 0.5


class EndSignal:
    """One event for both ends: the user's stop, and an error after which nothing else is begun."""

    def __init__(self, stop: threading.Event) -> None:
        self.event = threading.Event()
        self.user = stop
        threading.Thread(target=self._follow, name="evaluation-stop", daemon=True).start()

    def end(self) -> None:
        self.event.set()

    def _follow(self) -> None:
        while not self.event.is_set():
            if self.user.wait(POLL_SECONDS):
                self.event.set()


class TaskPools:
    """The two pools: one answers, one grades."""

    def __init__(
        self,
        plan: Plan,
        suite: Suite,
        log: EvaluationLog,
        sandbox_provider: SandboxProvider,
        over: EndSignal,
        counter: Counter,
    ) -> None:
        self._plan, self._suite, self._log = plan, suite, log
        self._sandbox_provider, self._over, self._counter = sandbox_provider, over, counter
        self._grading = ThreadPoolExecutor(plan.graders, thread_name_prefix="grade")
        self._grades: list[Future[None]] = []

    def run(self, tasks: Sequence[Task], solver: Solver | None, *, again: bool) -> None:
        """Raises the first error after which no other task would fare better."""
        solutions: list[Future[None]] = []
        try:
            for task in tasks:
                if answers := self._to_grade(task, again=again):
                    self._submit_grading(task, answers)
            with ThreadPoolExecutor(self._plan.parallel, thread_name_prefix="solve") as pool:
                solutions = [
                    pool.submit(self._guarded, self._solve, task, solver)
                    for task in (tasks if solver else ())
                    if task.task_id not in self._log.recorded.answers
                ]
        finally:
            self._grading.shutdown(wait=True)
            if solver is not None:
                solver.close()
        for future in (*solutions, *self._grades):
            future.result()

    def _to_grade(self, task: Task, *, again: bool) -> Sequence[Answer]:
        record = self._log.recorded
        answers = record.answers.get(task.task_id, ())
        if again:
            return answers
        return [a for a in answers if not _is_graded(record.grades.get((a.task_id, a.sample)))]

    def _submit_grading(self, task: Task, answers: Sequence[Answer]) -> None:
        self._grades.append(self._grading.submit(self._guarded, self._grade_all, task, answers))

    def _guarded(self, work: Callable[[Task, Any], None], task: Task, given: Any) -> None:
        """Nothing is begun once all is over; an error that all tasks would meet ends it."""
        if self._over.event.is_set():
            return
        try:
            work(task, given)
        except Interrupted:
            return
        except BaseException:
            if not self._over.user.is_set():
                self._over.end()
                raise

    def _solve(self, task: Task, solver: Solver) -> None:
        if fault := task.data.get(FAULT):
            self._log.add_failure(task.task_id, str(fault))
            self._counter.failed()
            return
        begin = time.time()
        try:
            answers = list(solver.solve(task))
        except NotAnswered as error:
            self._log.add_failure(task.task_id, str(error))
            self._counter.failed()
            return
        span = begin, time.time()
        self._log.add_answers(task.task_id, task.prompt, self._plan.sampling, answers, span)
        self._counter.answered(answers)
        self._submit_grading(task, answers)

    def _grade_all(self, task: Task, answers: Sequence[Answer]) -> None:
        with self._sandbox_provider.runner(self._plan.test_seconds) as runner:
            for answer in answers:
                if self._over.event.is_set():
                    return
                self._grade(task, answer, runner)

    def _grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> None:
        begin = time.monotonic()
        try:
            grade = self._suite.grade(task, answer, runner)
        except (SandboxDied, OSError) as error:
            if self._over.event.is_set():
                return
            seconds = time.monotonic() - begin
            grade = Grade(kind=GradeKind.INFRASTRUCTURE, why=str(error), seconds=seconds)
        earlier = self._log.recorded.grades.get((answer.task_id, answer.sample))
        self._log.add_grade(answer, grade)
        self._counter.graded(grade, earlier)


def _is_graded(grade: Grade | None) -> bool:
    """What could not be graded is tried again."""
    return grade is not None and grade.kind is not GradeKind.INFRASTRUCTURE
