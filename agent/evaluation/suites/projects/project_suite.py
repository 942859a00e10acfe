"""What suites of projects share: answers are patches, and tests say whether they are right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from agent.evaluation.errors import EvaluationError
from agent.evaluation.grading.patched import changes_of, is_diff
from agent.evaluation.grading.project_tests import (
    NotReplayable,
    ProjectCase,
    ProjectTests,
    spelled,
)
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, Grade, GradeKind, Task
from agent.evaluation.suites.base import RepairTarget
from agent.patches.changes import FileChange
from agent.patches.unified_diff import PatchRefused
from sandbox.host.untrusted_tree import remove_tree
from sandbox.isolation.owner import scratch_folder
from sandbox.languages.python.detection.detect import understand
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot


class ProjectSuite(ABC):
    """Grading of all suites whose tasks are projects."""

    @abstractmethod
    def case(self, task: Task, folder: Path) -> ProjectCase:
        """Write the broken project, with the fix's tests, below `folder`, which is empty.

        Raises EvaluationError where the user's data lacks what is needed.
        """

    def project(self, task: Task, folder: Path) -> RepairTarget:
        """The same project as a repair gets it: it sees the tests that fail."""
        case = self.case(task, folder)
        with scratch_folder() as name:
            scratch = Path(name)
            project = understand(take_snapshot(resolve(str(case.folder), None, scratch), scratch))
        return RepairTarget(
            folder=case.folder,
            only=spelled(project, case.shown_by or case.tests),
            install=case.install,
            test=case.test,
            python=case.python,
        )

    def changes(self, answer: str, tests: ProjectTests) -> Mapping[str, FileChange]:
        """What an answer changes; nothing where it holds no change. Raises PatchRefused."""
        return changes_of(answer, tests.read) if is_diff(answer) else {}

    def graded_further(
        self,
        task: Task,  # noqa: ARG002 - for the suites that ask more
        grade: Grade,
        changes: Mapping[str, FileChange],  # noqa: ARG002
        runner: ProgramRunner,  # noqa: ARG002
    ) -> Grade:
        """The grade once more than the tests was asked, which most suites do not. Raises
        SandboxError."""
        return grade

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:
        """Judge an answer; whether the task can be replayed at all comes first."""
        folder = Path(mkdtemp(prefix="task-", dir=runner.sandbox_provider.scratch))
        try:
            return self._graded(task, answer, runner, folder)
        finally:
            remove_tree(folder)  # hundreds of projects are graded one after the other

    def _graded(self, task: Task, answer: Answer, runner: ProgramRunner, folder: Path) -> Grade:
        case_folder, scratch = folder / "given", folder / "snapshot"
        for part in (case_folder, scratch):
            part.mkdir()
        try:
            tests = ProjectTests(
                runner.sandbox_provider, self.case(task, case_folder), runner.seconds, scratch
            )
            replay = tests.replay()
        except (NotReplayable, EvaluationError) as error:
            return Grade(kind=GradeKind.NOT_REPLAYABLE, why=str(error))
        try:
            changes = self.changes(answer.text, tests)
        except PatchRefused as error:
            return Grade(kind=GradeKind.FAILED, why=str(error))
        if any(path.startswith("/") or ".." in path.split("/") for path in changes):
            return Grade(kind=GradeKind.FAILED, why="the patch leads out of the project")
        if not changes:
            return Grade(kind=GradeKind.NO_CODE, why=answer.note or "the answer changes nothing")
        return self.graded_further(task, tests.grade(changes, replay), changes, runner)
