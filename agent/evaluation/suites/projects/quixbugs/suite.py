"""QuixBugs: small programs with one bug each, as projects of the program and its tests.

Its tests are few, so that a wrong program may pass them. An answer that does is asked about inputs
as well that are in no test, and that no repair has seen: it has to agree with the correct version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.code_block import code_of
from agent.evaluation.grading.patched import is_diff
from agent.evaluation.grading.project_tests import ProjectCase, ProjectTests
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import AnswerSource, Grade, GradeKind, Task
from agent.evaluation.suites.base import SuiteFacts, faulty_task, whole_tasks
from agent.evaluation.suites.data_files import read_text
from agent.evaluation.suites.projects.project_suite import ProjectSuite
from agent.evaluation.suites.projects.quixbugs.agreement import (
    OUT_OF_TIME,
    Agreement,
    Unloadable,
    agreement_on,
    results_of,
)
from agent.evaluation.suites.projects.quixbugs.inputs import GENERATORS, Arguments, inputs
from agent.patches.changes import FileChange, diff_text, unified_diff
from agent.prompts import prompt
from sandbox.errors import SandboxDied

FACTS = SuiteFacts(
    name="quixbugs",
    title="QuixBugs, Python",
    source="https://github.com/jkoppel/QuixBugs",
    published="2017-10",
    graded_by="its tests pass, and it agrees with the correct version on generated inputs",
    ways=frozenset(AnswerSource),
)
UNSEEN_INPUTS, SEED = 500, 20261122
"""Inputs for one program; fewer where it has not as many."""
_NEEDED = {
    "load_testdata": "python_testcases/load_testdata.py",
    "from node": "python_testcases/node.py",
}


@dataclass(frozen=True)
class QuixBugs(ProjectSuite):
    """Implements `RepairSuite`."""

    path: Path

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        tests = sorted(self.path.glob("python_testcases/test_*.py"))
        if not tests:
            raise DataUnreadable(
                f"{self.path} is no checkout of QuixBugs: it has no python_testcases/test_*.py"
            )
        return whole_tasks([self._read(path.stem.removeprefix("test_")) for path in tests])

    def case(self, task: Task, folder: Path) -> ProjectCase:
        for path, text in task.data["files"].items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        program = str(task.data["program"])
        fix = (task.data["buggy"].encode(), task.data["correct"].encode())
        return ProjectCase(
            folder=folder, fix={program: fix}, tests=(f"python_testcases/test_{task.task_id}.py",)
        )

    def changes(self, answer: str, tests: ProjectTests) -> Mapping[str, FileChange]:
        """A model answers with the whole program."""
        if is_diff(answer):
            return super().changes(answer, tests)
        (program,) = tests.case.fix
        code = code_of(answer, Path(program).stem)
        return (
            {}
            if code is None
            else {program: (tests.read(program), code.encode("utf-8", "replace"))}
        )

    def graded_further(
        self, task: Task, grade: Grade, changes: Mapping[str, FileChange], runner: ProgramRunner
    ) -> Grade:
        """The same program on inputs that are in no test."""
        program, name = str(task.data["program"]), task.task_id
        if name not in GENERATORS:
            why = "no inputs beyond its tests are known for this program"
            return Grade(kind=GradeKind.NOT_REPLAYABLE, why=why)
        buggy = task.data["buggy"].encode()
        text = (changes.get(program, (buggy, buggy))[1] or b"").decode("utf-8", "replace")
        asked = unseen_inputs(task)
        provider = runner.sandbox_provider
        try:
            right = results_of(provider, task.data["correct"], name, asked)
        except Unloadable as error:
            why = f"the correct version cannot be asked: {error}"
            return Grade(kind=GradeKind.NOT_REPLAYABLE, why=why)
        try:
            if any(how in OUT_OF_TIME for how, _ in right):
                raise SandboxDied("the machine is too busy: the correct version ran out of time")
            answer = results_of(provider, text, name, asked)
        except Unloadable as error:
            return _judged(grade, None, str(error))
        return _judged(grade, agreement_on(name, asked, right, answer))

    def _read(self, name: str) -> Task:
        try:
            return self._task(name)
        except DataUnreadable as error:
            return faulty_task(name, name, str(error))

    def _task(self, name: str) -> Task:
        program, test = f"python_programs/{name}.py", f"python_testcases/test_{name}.py"
        text = read_text(self.path / test)
        files = ["conftest.py", program, test]
        files += [path for word, path in _NEEDED.items() if word in text]
        cases = f"json_testcases/{name}.json"
        if "load_testdata" in text:
            files.append(cases)
        contents = {path: read_text(self.path / path) for path in files}
        buggy = contents[program]
        correct = read_text(self.path / "correct_python_programs" / f"{name}.py")
        diff = unified_diff({program: (buggy.encode(), correct.encode())})
        return Task(
            task_id=name,
            group=name,
            prompt=prompt(
                "evaluate_fix",
                language="Python",
                fence="python",
                code=buggy.strip("\n"),
                tests=text.strip("\n"),
            ),
            reference=diff_text(diff),
            buggy=f"```python\n{buggy}\n```",
            data={
                "files": contents,
                "program": program,
                "buggy": buggy,
                "correct": correct,
                "seen": _seen_inputs(f"{self.path}/{cases}", contents.get(cases, "")),
            },
        )


def unseen_inputs(task: Task) -> list[Arguments]:
    """Those that its answers are compared on: none is one of the tests'."""
    return inputs(task.task_id, SEED, UNSEEN_INPUTS, task.data["seen"])


def _seen_inputs(path: str, text: str) -> list[Arguments]:
    """The arguments of its test cases. Raises DataUnreadable."""
    try:
        cases = [json.loads(line)[0] for line in text.splitlines() if line.strip()]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataUnreadable(f"{path} holds no test cases: {error!r:.200}") from error
    return [case if isinstance(case, list) else [case] for case in cases]


def _judged(grade: Grade, agreement: Agreement | None, fault: str = "") -> Grade:
    """The grade of the tests with what the unseen inputs say, which is None for a program that
    could not be asked."""
    said = agreement or Agreement()
    metrics = {
        **grade.metrics,
        "tests_pass": float(grade.solved),
        "unseen_inputs": float(said.compared),
        "unseen_differing": float(said.differing),
        "identical": float(said.agrees and not said.not_identical),
    }
    if not grade.solved:
        return replace(grade, metrics=metrics)
    if said.agrees:
        why = f"{grade.why}, and {said.compared:,} inputs beyond them give the same"
        return replace(grade, why=why, metrics=metrics)
    fault = fault or f"{said.differing:,} of {said.compared:,} differ, e.g. {said.example}"
    why = f"{grade.why}, but not on inputs beyond them: {fault}"
    return Grade(kind=GradeKind.FAILED, why=why, metrics=metrics)
