"""Suites of projects: what grading one task leaves on the disk."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.project_tests import ProjectCase
from agent.evaluation.records import Answer, GradeKind, Task
from agent.evaluation.suites.projects.project_suite import ProjectSuite


class Lacking(ProjectSuite):
    def case(self, task: Task, folder: Path) -> ProjectCase:
        (folder / "large.py").write_text("x = 1\n")
        raise DataUnreadable("there is no clone")


def test_the_project_of_a_task_is_gone_once_it_is_graded(tmp_path: Path) -> None:
    runner: Any = SimpleNamespace(sandbox_provider=SimpleNamespace(scratch=tmp_path), seconds=1.0)
    task = Task(task_id="a", group="a", prompt="", reference="")
    grade = Lacking().grade(task, Answer(task_id="a", sample=0, text=""), runner)
    assert grade.kind is GradeKind.NOT_REPLAYABLE
    assert not list(tmp_path.iterdir())
