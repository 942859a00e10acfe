"""Instance files of the shape of SWE-bench: an issue, a commit, and the tests of the fix.

The repair sees the issue and the repository as it was, not the fix's tests. Grading runs the tests
that the file names in an environment that this product builds by itself; the official harness has
images of its own for each repository, so that its verdict may be another: `predictions.jsonl` is
what it takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.project_tests import ProjectCase
from agent.evaluation.log import LogContents
from agent.evaluation.records import REPAIRS, AnswerSource, Plan, Task
from agent.evaluation.suites.base import RepairTarget, SuiteFacts
from agent.evaluation.suites.data_files import Row, read_rows, the_file
from agent.evaluation.suites.projects.git_source import GitSource, find_checkout
from agent.evaluation.suites.projects.project_suite import ProjectSuite
from agent.patches.changes import FileChange, diff_bytes
from agent.patches.unified_diff import PatchRefused, apply_diff
from sandbox.runners.test_ids import named_file

FACTS = SuiteFacts(
    name="swe-bench",
    title="SWE-bench-shaped instances",
    source="an instance file that the user has, e.g. of https://www.swebench.com",
    published="",
    graded_by="its FAIL_TO_PASS and PASS_TO_PASS tests pass in an environment that is built here",
    ways=frozenset({*REPAIRS, AnswerSource.REFERENCE}),
    groups="repositories",
)
_FIELDS = dict.fromkeys(
    ("instance_id", "repo", "base_commit", "patch", "test_patch", "problem_statement"), str
)


@dataclass(frozen=True)
class SweBench(ProjectSuite):
    """Implements `RepairSuite`."""

    path: Path
    checkouts: str | None

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        rows = read_rows(the_file(self.path, ("instances.jsonl",)), _FIELDS)
        return [_task(row, self.path) for row in rows]

    def case(self, task: Task, folder: Path) -> ProjectCase:
        row, must_pass = task.data, (*task.data["fail_to_pass"], *task.data["pass_to_pass"])
        with GitSource(find_checkout(self.checkouts, row["repo"])).opened() as source:
            commit = row["base_commit"]

            def read(path: str) -> bytes | None:
                return source.show(commit, path)

            tests = _applied(row["test_patch"], read, task.task_id)
            fix = _applied(task.reference, read, task.task_id)
            project = source.export(commit, folder, tests)
        files = tuple(dict.fromkeys(map(named_file, must_pass)))
        return ProjectCase(folder=project, fix=fix, tests=files, must_pass=must_pass)

    def project(self, task: Task, folder: Path) -> RepairTarget:
        """Without the tests of the fix: the issue is all that it is told."""
        with GitSource(find_checkout(self.checkouts, task.data["repo"])).opened() as source:
            project = source.export(task.data["base_commit"], folder, {})
        return RepairTarget(folder=project, problem_statement=task.data["problem_statement"])


def predictions(plan: Plan, recorded: LogContents) -> str:
    """The answers as the official harness takes them, JSON lines."""
    name = plan.model or plan.model_url or "search"
    lines = (
        {
            "instance_id": task_id,
            "model_name_or_path": f"repair ({name})",
            "model_patch": answers[0].text,
        }
        for task_id, answers in recorded.answers.items()
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def _applied(diff: str, read: Any, task_id: str) -> dict[str, FileChange]:
    try:
        return apply_diff(diff_bytes(diff), read)
    except PatchRefused as error:
        raise DataUnreadable(f"a patch of {task_id} does not fit its commit: {error}") from error


def _task(row: Row, path: Path) -> Task:
    data: Mapping[str, Any] = {
        **{name: row[name] for name in ("repo", "base_commit", "test_patch", "problem_statement")},
        "fail_to_pass": _names(row, "FAIL_TO_PASS", path),
        "pass_to_pass": _names(row, "PASS_TO_PASS", path),
    }
    return Task(
        task_id=row["instance_id"],
        group=row["repo"],
        prompt="",
        reference=row["patch"],
        data=data,
    )


def _names(row: Row, field: str, path: Path) -> list[str]:
    """Lists come as lists, or as JSON in a text."""
    value = row.get(field)
    try:
        names = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataUnreadable(f"{path}: {row['instance_id']} has no list of tests {field}")
    return names
