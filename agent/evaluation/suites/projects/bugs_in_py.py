"""BugsInPy: bugs of Python projects with the commit before, the commit after, and their tests.

The environments that it pins are those of Python 3.6 to 3.8; here each project is prepared as any
other target, and a bug whose tests do not come out as recorded is shown as not replayable.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.project_tests import ProjectCase
from agent.evaluation.records import REPAIRS, AnswerSource, Task
from agent.evaluation.suites.base import SuiteFacts, faulty_task, whole_tasks
from agent.evaluation.suites.data_files import read_text
from agent.evaluation.suites.projects.git_source import GitSource, find_checkout
from agent.evaluation.suites.projects.project_suite import ProjectSuite

FACTS = SuiteFacts(
    name="bugsinpy",
    title="BugsInPy",
    source="https://github.com/soarsmu/BugsInPy",
    published="2020-11",
    graded_by="the tests that its run_test.sh names pass",
    ways=frozenset({*REPAIRS, AnswerSource.REFERENCE}),
    groups="repositories",
)
_SETTING = re.compile(r'^[^\S\n]*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)
_CHANGED = re.compile(r"^diff --git a/(.+?) b/(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class BugsInPy(ProjectSuite):
    """Implements `RepairSuite`."""

    path: Path
    checkouts: str | None

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        bugs = sorted(self.path.glob("projects/*/bugs/*/bug.info"), key=_order)
        if not bugs:
            raise DataUnreadable(
                f"{self.path} is no checkout of BugsInPy: it has no projects/*/bugs/*/bug.info"
            )
        return whole_tasks([_read(path.parent) for path in bugs])

    def case(self, task: Task, folder: Path) -> ProjectCase:
        data = task.data
        if not data["tests"]:
            raise DataUnreadable(f"run_test.sh of {task.task_id} names no test that is understood")
        with GitSource(find_checkout(self.checkouts, data["url"])).opened() as source:
            before, after = data["before"], data["after"]
            beside = source.change(before, after, data["test_files"])
            fix = source.change(before, after, data["sources"])
            project = source.export(before, folder, beside)
        return ProjectCase(folder=project, fix=fix, tests=tuple(data["tests"]))


def _order(path: Path) -> tuple[str, int]:
    name, number = path.parts[-4], path.parts[-2]
    return name.lower(), int(number) if number.isdigit() else 0


def _read(folder: Path) -> Task:
    project = folder.parent.parent.name
    name = f"{project}-{folder.name}"
    try:
        return _task(name, folder)
    except DataUnreadable as error:
        return faulty_task(name, project, str(error))


def _task(name: str, folder: Path) -> Task:
    settings = dict(_SETTING.findall(read_text(folder / "bug.info")))
    project = dict(_SETTING.findall(read_text(folder.parent.parent / "project.info")))
    try:
        before, after = settings["buggy_commit_id"], settings["fixed_commit_id"]
        files, url = settings["test_file"], project["github_url"]
    except KeyError as error:
        raise DataUnreadable(f"{folder}/bug.info or project.info lacks {error}") from error
    patch = read_text(folder / "bug_patch.txt")
    test_files = [path for path in re.split(r"[;\s]+", files) if path]
    sources = [new for _, new in _CHANGED.findall(patch) if new not in test_files]
    data: Mapping[str, object] = {
        "before": before,
        "after": after,
        "url": url,
        "test_files": test_files,
        "sources": sources,
        "tests": named_tests(read_text(folder / "run_test.sh")),
    }
    return Task(
        task_id=name, group=folder.parent.parent.name, prompt="", reference=patch, data=data
    )


def named_tests(script: str) -> list[str]:
    """The tests that the lines of a run_test.sh name, in pytest's spelling."""
    names = []
    for line in script.splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if "unittest" in words:
            names += [_of_dotted(word) for word in words[words.index("unittest") + 1 :]]
        elif any(word in ("pytest", "py.test", "tox") for word in words):
            names += [word for word in words if ".py" in word]
    return [name for name in dict.fromkeys(names) if name]


def _of_dotted(word: str) -> str:
    """`test.test_utils.TestUtil.test_x` → `test/test_utils.py::TestUtil::test_x`."""
    if word.startswith("-"):
        return ""
    parts = word.split(".")
    case = next((i for i, part in enumerate(parts) if part[:1].isupper()), len(parts))
    return "::".join(["/".join(parts[:case]) + ".py", *parts[case:]])
