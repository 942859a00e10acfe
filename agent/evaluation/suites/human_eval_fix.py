"""HumanEvalFix: a function with a planted bug and the tests that show it.

The setting "tests" of the paper (Muennighoff et al. 2023): the model sees function and tests. A
repair gets them as a project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.patched import is_diff, patched_file
from agent.evaluation.grading.program import ProgramLanguage
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, AnswerSource, Grade, GradeKind, Task
from agent.evaluation.suites.base import RepairTarget, SuiteFacts
from agent.evaluation.suites.data_files import Row, read_rows, the_file
from agent.evaluation.suites.fix_in_javascript import FixInJavaScript
from agent.evaluation.suites.fix_in_python import FixInPython
from agent.evaluation.suites.human_eval import NO_CODE
from agent.patches.unified_diff import PatchRefused
from agent.prompts import prompt
from agent.untrusted_text import shortened

FACTS = SuiteFacts(
    name="humanevalfix",
    title="HumanEvalFix",
    source="https://github.com/bigcode-project/octopack "
    "evaluation/create/humaneval-x/data/{python,js}/data/humanevalpack.jsonl",
    published="2023-08",
    graded_by="the function's tests pass",
    ways=frozenset(AnswerSource),
)
_FIELDS = dict.fromkeys(
    ("task_id", "declaration", "canonical_solution", "buggy_solution", "entry_point", "test"), str
)


class FixLanguage(Protocol):
    """What differs between the languages. `data` is that of a task."""

    @property
    def name(self) -> str:
        """As ids of tasks begin."""

    @property
    def fence(self) -> str: ...

    @property
    def runs(self) -> ProgramLanguage: ...

    @property
    def program(self) -> str:
        """The file of the project that holds the function."""

    def project(self, data: Mapping[str, Any], buggy: str) -> Mapping[str, str]:
        """Path → text of the project that shows the bug."""

    def code(self, data: Mapping[str, Any], answer: str) -> str | None:
        """The program in what a model said; None where there is none."""

    def with_tests(self, data: Mapping[str, Any], code: str) -> str:
        """One program that ends well when the tests pass."""

    def packages(self, data: Mapping[str, Any], reference: str) -> tuple[str, ...]:
        """What it needs beside the language."""


LANGUAGES: Mapping[str, FixLanguage] = {
    language.name: language for language in (FixInPython(), FixInJavaScript())
}


@dataclass(frozen=True)
class HumanEvalFix:
    """Implements `RepairSuite`."""

    path: Path

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        inside = "evaluation/create/humaneval-x/data/python/data/humanevalpack.jsonl"
        path = the_file(self.path, ("humanevalpack.jsonl", "data/humanevalpack.jsonl", inside))
        return [_task(row, path) for row in read_rows(path, _FIELDS)]

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:
        language = _language(task.task_id)
        if answer.note and not answer.text:  # a repair that found nothing says why
            return Grade(kind=GradeKind.NO_CODE, why=answer.note)
        if is_diff(answer.text):
            base = language.project(task.data, task.buggy)[language.program]
            try:
                code: str | None = patched_file(answer.text, language.program, base)
            except PatchRefused as error:
                return Grade(kind=GradeKind.FAILED, why=str(error))
        else:
            code = language.code(task.data, answer.text)
        if code is None:
            return NO_CODE
        packages = language.packages(task.data, task.reference)
        program = language.with_tests(task.data, code)
        return runner.run(program, packages, language.runs).grade()

    def project(self, task: Task, folder: Path) -> RepairTarget:
        for path, text in _language(task.task_id).project(task.data, task.buggy).items():
            (folder / path).write_text(text, encoding="utf-8")
        return RepairTarget(folder=folder)


def _language(task_id: str) -> FixLanguage:
    return LANGUAGES[task_id.partition("/")[0]]


def _task(row: Row, path: Path) -> Task:
    name = row["task_id"].partition("/")[0]
    if name not in LANGUAGES:
        raise DataUnreadable(
            f"{path} holds {shortened(row['task_id'], 40)}: of HumanEvalFix only "
            f"{' and '.join(LANGUAGES)} can be graded here, for there is no grader of other "
            "languages"
        )
    language = LANGUAGES[name]
    buggy = row["declaration"] + row["buggy_solution"]
    return Task(
        task_id=row["task_id"],
        group=row["task_id"],
        prompt=prompt(
            "evaluate_fix",
            language=language.name,
            fence=language.fence,
            code=buggy.strip("\n"),
            tests=row["test"].strip("\n"),
        ),
        reference=row["declaration"] + row["canonical_solution"],
        buggy=buggy,
        data={name: row[name] for name in ("declaration", "entry_point", "test")},
    )
