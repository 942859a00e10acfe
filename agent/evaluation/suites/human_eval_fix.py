"""HumanEvalFix (Python): a function with a planted bug and the tests that show it.

The setting "tests" of the paper (Muennighoff et al. 2023): the model sees function and tests. A
repair gets them as a project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.code_block import code_of, preamble
from agent.evaluation.grading.patched import is_diff, patched_file
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, AnswerSource, Grade, GradeKind, Task
from agent.evaluation.suites.base import RepairTarget, SuiteFacts
from agent.evaluation.suites.data_files import Row, read_rows, the_file
from agent.evaluation.suites.human_eval import NO_CODE
from agent.patches.unified_diff import PatchRefused
from agent.prompts import prompt

PROGRAM, TESTS = "solution.py", "test_solution.py"
FACTS = SuiteFacts(
    name="humanevalfix",
    title="HumanEvalFix, Python",
    source="https://github.com/bigcode-project/octopack "
    "evaluation/create/humaneval-x/data/python/data/humanevalpack.jsonl",
    published="2023-08",
    graded_by="the function's tests pass",
    ways=frozenset(AnswerSource),
)
_FIELDS = dict.fromkeys(
    ("task_id", "declaration", "canonical_solution", "buggy_solution", "entry_point", "test"), str
)


@dataclass(frozen=True)
class HumanEvalFix:
    """Implements `RepairSuite`."""

    path: Path

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        inside = "evaluation/create/humaneval-x/data/python/data/humanevalpack.jsonl"
        path = the_file(self.path, ("humanevalpack.jsonl", inside))
        rows = read_rows(path, _FIELDS)
        foreign = next((r["task_id"] for r in rows if not r["task_id"].startswith("Python/")), None)
        if foreign is not None:
            raise DataUnreadable(
                f"{path} holds {foreign}: of HumanEvalFix only Python can be graded here, for the "
                "sandbox has no compilers and run times of other languages"
            )
        return [_task(row) for row in rows]

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:
        name, declaration = str(task.data["entry_point"]), str(task.data["declaration"])
        if answer.note and not answer.text:  # a repair that found nothing says why
            return Grade(kind=GradeKind.NO_CODE, why=answer.note)
        if is_diff(answer.text):
            try:
                code: str | None = patched_file(answer.text, PROGRAM, task.buggy)
            except PatchRefused as error:
                return Grade(kind=GradeKind.FAILED, why=str(error))
        else:
            code = code_of(answer.text, name, declaration)
        if code is None:
            return NO_CODE
        before = "" if code.startswith(declaration) else preamble(declaration, name)
        return runner.run("\n".join((before + code, str(task.data["test"])))).grade()

    def project(self, task: Task, folder: Path) -> RepairTarget:
        name = str(task.data["entry_point"])
        tests = str(task.data["test"]).rstrip().removesuffix(f"check({name})").strip("\n")
        (folder / PROGRAM).write_text(task.buggy, encoding="utf-8")
        (folder / TESTS).write_text(
            f"from solution import *\nfrom solution import {name}\n\n\n{tests}\n\n\n"
            f"def test_{name}():\n    check({name})\n",
            encoding="utf-8",
        )
        return RepairTarget(folder=folder)


def _task(row: Row) -> Task:
    buggy = row["declaration"] + row["buggy_solution"]
    return Task(
        task_id=row["task_id"],
        group=row["task_id"],
        prompt=prompt("evaluate_fix", code=buggy.strip("\n"), tests=row["test"].strip("\n")),
        reference=row["declaration"] + row["canonical_solution"],
        buggy=buggy,
        data={name: row[name] for name in ("declaration", "entry_point", "test")},
    )
