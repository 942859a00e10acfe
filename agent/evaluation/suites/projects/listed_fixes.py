"""Fixes that a file lists: commits of any repositories, each with the tests that show its bug."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.project_tests import ProjectCase
from agent.evaluation.records import REPAIRS, AnswerSource, Task
from agent.evaluation.suites.base import SuiteFacts
from agent.evaluation.suites.data_files import Row, read_rows, the_file
from agent.evaluation.suites.projects.git_source import GitSource, find_checkout
from agent.evaluation.suites.projects.project_suite import ProjectSuite
from agent.patches.changes import diff_text, unified_diff

FACTS = SuiteFacts(
    name="fixes",
    title="Listed fixes of repositories",
    source="a list that the user has",
    published="",
    graded_by="the tests in the fix's test files that pass with the fix pass",
    ways=frozenset({*REPAIRS, AnswerSource.REFERENCE}),
    groups="repositories",
)
_FIELDS = {
    **dict.fromkeys(("repo", "parent", "fix", "src"), str),
    **dict.fromkeys(("test_files", "test_side_files", "f2p"), list),
}


@dataclass(frozen=True)
class ListedFixes(ProjectSuite):
    """Implements `RepairSuite`."""

    path: Path
    checkouts: str | None

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        rows = read_rows(the_file(self.path, ("fixes.jsonl",)), _FIELDS)
        return [_task(row, self.path, self._solution(row)) for row in rows]

    def case(self, task: Task, folder: Path) -> ProjectCase:
        row = task.data
        with GitSource(find_checkout(self.checkouts, row["repo"])).opened() as source:
            beside = source.change(row["parent"], row["fix"], row["test_side_files"])
            fix = source.change(row["parent"], row["fix"], [row["src"]])
            project = source.export(row["parent"], folder, beside)
        return ProjectCase(
            folder=project, fix=fix, tests=tuple(row["test_files"]), shown_by=tuple(row["f2p"])
        )

    def _solution(self, row: Row) -> str:
        """The fix as a diff; empty where its repository or a commit is not here, which is said
        when the task is answered or graded."""
        try:
            with GitSource(find_checkout(self.checkouts, row["repo"])).opened() as source:
                fix = source.change(row["parent"], row["fix"], [row["src"]])
                return diff_text(unified_diff(fix))
        except DataUnreadable:
            return ""


def task_id(repo: str, fix: str) -> str:
    """How the task of a fix is called."""
    return f"{repo}@{fix[:12]}"


def _task(row: Row, path: Path, solution: str) -> Task:
    name = task_id(row["repo"], row["fix"])
    for field, kind in _FIELDS.items():
        if kind is list and not all(isinstance(part, str) for part in row[field]):
            raise DataUnreadable(f"{path}: {name} has something else than texts in {field!r}")
    data: Mapping[str, Any] = {field: row[field] for field in _FIELDS}
    return Task(task_id=name, group=row["repo"], prompt="", reference=solution, data=data)
