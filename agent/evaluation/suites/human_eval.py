"""HumanEval and HumanEval+: a function from its signature and description, judged by tests.

A program is the answer, the data's tests and the call of them, as in the official harness
(`human_eval/execution.py`). HumanEval+ is read in the form of the same shape, in which evalplus
publishes base and plus tests as one program with evalplus' own comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.code_block import code_of, preamble
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, AnswerSource, Grade, GradeKind, Task
from agent.evaluation.suites.base import SuiteFacts
from agent.evaluation.suites.data_files import Row, read_rows, the_file
from agent.prompts import prompt

NO_CODE = Grade(kind=GradeKind.NO_CODE, why="the answer holds no code that defines the function")
_FIELDS = {
    "task_id": str,
    "prompt": str,
    "entry_point": str,
    "canonical_solution": str,
    "test": str,
}
_WAYS = frozenset({AnswerSource.MODEL, AnswerSource.REFERENCE, AnswerSource.BUGGY})
FACTS = SuiteFacts(
    name="humaneval",
    title="HumanEval",
    source="https://github.com/openai/human-eval data/HumanEval.jsonl.gz",
    published="2021-07",
    graded_by="its tests pass",
    ways=_WAYS,
)
PLUS_FACTS = SuiteFacts(
    name="humaneval+",
    title="HumanEval+",
    source="https://github.com/evalplus/humanevalplus_release HumanEvalPlus-OriginFmt.jsonl.gz",
    published="2023-05",
    graded_by="its tests and those that EvalPlus added pass",
    ways=_WAYS,
)


@dataclass(frozen=True)
class HumanEval:
    """Implements `Suite`."""

    path: Path
    plus: bool = False

    @property
    def facts(self) -> SuiteFacts:
        return PLUS_FACTS if self.plus else FACTS

    def tasks(self) -> Sequence[Task]:
        names = ("HumanEvalPlus-OriginFmt.jsonl.gz",) if self.plus else ("HumanEval.jsonl.gz",)
        path = the_file(self.path, (*names, *(f"data/{name}" for name in names)))
        rows = read_rows(path, _FIELDS)
        if self.plus and any("plus_input" in row for row in rows):
            raise DataUnreadable(
                f"{path} holds inputs without expected results; give the file of the same release "
                "that ends with -OriginFmt.jsonl.gz"
            )
        return [_task(row) for row in rows]

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:
        task_prompt = str(task.data["prompt"])
        name = str(task.data["entry_point"])
        code = code_of(answer.text, name, task_prompt)
        if code is None:
            return NO_CODE
        # What a completion began with comes first; an answer of its own may rely on its imports.
        before = "" if code.startswith(task_prompt) else preamble(task_prompt, name)
        program = "\n".join((before + code, str(task.data["test"]), f"check({name})"))
        return runner.run(program, ("numpy",) if self.plus else ()).grade()


def _task(row: Row) -> Task:
    stub = row["prompt"] + "    raise NotImplementedError\n"
    return Task(
        task_id=row["task_id"],
        group=row["task_id"],
        prompt=prompt("evaluate_write", code=row["prompt"].strip("\n")),
        reference=row["prompt"] + row["canonical_solution"],
        buggy=stub,
        data={name: row[name] for name in ("prompt", "entry_point", "test")},
    )
