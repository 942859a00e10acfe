"""MBPP and MBPP+: a function from one sentence and example assertions, judged by assertions.

As in the paper (Austin et al. 2021) the assertions are part of the question. MBPP+ is read in the
form in which evalplus publishes all its tests as one program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.code_block import code_of
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, AnswerSource, Grade, Task
from agent.evaluation.suites.base import SuiteFacts
from agent.evaluation.suites.data_files import Row, read_rows, the_file
from agent.evaluation.suites.human_eval import NO_CODE
from agent.prompts import prompt

TEST_IDS = range(11, 511)
"""Of the whole file: the 500 tasks that the paper tests on. The others were for prompts and
training."""
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_WRAPPERS = frozenset(
    {"set", "sorted", "list", "tuple", "dict", "len", "str", "round", "abs", "isclose", "not"}
)
_WAYS = frozenset({AnswerSource.MODEL, AnswerSource.REFERENCE, AnswerSource.BUGGY})
FACTS = SuiteFacts(
    name="mbpp",
    title="MBPP",
    source="https://github.com/google-research/google-research mbpp/mbpp.jsonl",
    published="2021-08",
    graded_by="its assertions hold",
    ways=_WAYS,
)
PLUS_FACTS = SuiteFacts(
    name="mbpp+",
    title="MBPP+",
    source="https://github.com/evalplus/mbppplus_release MbppPlus-OriginFmt.jsonl.gz",
    published="2023-05",
    graded_by="its assertions and those that EvalPlus added hold",
    ways=_WAYS,
)


@dataclass(frozen=True)
class Mbpp:
    """Implements `Suite`."""

    path: Path
    plus: bool = False

    @property
    def facts(self) -> SuiteFacts:
        return PLUS_FACTS if self.plus else FACTS

    def tasks(self) -> Sequence[Task]:
        if self.plus:
            path = the_file(self.path, ("MbppPlus-OriginFmt.jsonl.gz",))
            rows = read_rows(path, {"task_id": int, "prompt": str, "code": str, "test": str})
        else:
            path = the_file(self.path, ("mbpp.jsonl", "sanitized-mbpp.json"))
            rows = read_rows(path, {"task_id": int, "code": str, "test_list": list})
            if {row["task_id"] for row in rows} > set(TEST_IDS):
                rows = [row for row in rows if row["task_id"] in TEST_IDS]
        return [_task(row, path, plus=self.plus) for row in rows]

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:
        code = code_of(answer.text, str(task.data["name"]))
        if code is None:
            return NO_CODE
        program = "\n".join((str(task.data["before"]), code, str(task.data["test"])))
        return runner.run(program, ("numpy",) if self.plus else ()).grade()


def _task(row: Row, path: Path, *, plus: bool) -> Task:
    asserts = [str(line) for line in row.get("test_list", ())]
    text = row.get("prompt", row.get("text"))
    if not isinstance(text, str) or not asserts:
        raise DataUnreadable(f"{path}: task {row['task_id']} has no text, or no test_list")
    name = function_name(asserts[0])
    task_id = f"Mbpp/{row['task_id']}"
    return Task(
        task_id=task_id,
        group=task_id,
        prompt=prompt("evaluate_mbpp", text=text.strip(), tests="\n".join(asserts)),
        reference=row["code"],
        buggy=f"def {name}(*arguments, **named):\n    raise NotImplementedError\n",
        data=_data(row, asserts, name, plus=plus),
    )


def _data(row: Row, asserts: list[str], name: str, *, plus: bool) -> Mapping[str, Any]:
    before = [str(line) for line in row.get("test_imports", ())]
    before.append(str(row.get("test_setup_code") or ""))
    if plus:
        return {"name": name, "before": "\n".join(before), "test": row["test"]}
    return {"name": name, "before": "\n".join(before), "test": "\n".join(asserts)}


def function_name(assertion: str) -> str:
    """The function that an assertion calls, where it may be wrapped in `set(…)` and the like."""
    names = [name for name in _CALLED.findall(assertion) if name not in _WRAPPERS | {"assert"}]
    return names[0] if names else ""
