"""QuixBugs: small programs with one bug each, as projects of the program and its tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.code_block import code_of
from agent.evaluation.grading.patched import is_diff
from agent.evaluation.grading.project_tests import ProjectCase, ProjectTests
from agent.evaluation.records import AnswerSource, Task
from agent.evaluation.suites.base import SuiteFacts
from agent.evaluation.suites.data_files import read_text
from agent.evaluation.suites.projects.project_suite import ProjectSuite
from agent.patches.changes import FileChange, diff_text, unified_diff
from agent.prompts import prompt

FACTS = SuiteFacts(
    name="quixbugs",
    title="QuixBugs, Python",
    source="https://github.com/jkoppel/QuixBugs",
    published="2017-10",
    graded_by="its tests pass; inputs beyond its tests are not tried",
    ways=frozenset(AnswerSource),
)
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
        return [self._task(path.stem.removeprefix("test_")) for path in tests]

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
        return {} if code is None else {program: (tests.read(program), code.encode())}

    def _task(self, name: str) -> Task:
        program, test = f"python_programs/{name}.py", f"python_testcases/test_{name}.py"
        text = read_text(self.path / test)
        files = ["conftest.py", program, test]
        files += [path for word, path in _NEEDED.items() if word in text]
        if "load_testdata" in text:
            files.append(f"json_testcases/{name}.json")
        contents = {path: read_text(self.path / path) for path in files}
        buggy = contents[program]
        correct = read_text(self.path / "correct_python_programs" / f"{name}.py")
        diff = unified_diff({program: (buggy.encode(), correct.encode())})
        return Task(
            task_id=name,
            group=name,
            prompt=prompt("evaluate_fix", code=buggy.strip("\n"), tests=text.strip("\n")),
            reference=diff_text(diff),
            buggy=f"```python\n{buggy}\n```",
            data={"files": contents, "program": program, "buggy": buggy, "correct": correct},
        )
