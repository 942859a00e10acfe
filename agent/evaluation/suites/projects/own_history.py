"""One's own repository: fixes of the past that came with tests, replayed at the commit before.

A commit counts as a fix when its message says so and it changes one to three Python sources and at
least one test. Whether its tests really fail before and pass after is found out by running them;
those that do not are shown as not replayable and are no part of the share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.project_tests import ProjectCase
from agent.evaluation.records import REPAIRS, AnswerSource, Task
from agent.evaluation.suites.base import SuiteFacts
from agent.evaluation.suites.projects.git_source import GitSource, OpenSource
from agent.evaluation.suites.projects.project_suite import ProjectSuite
from agent.patches.changes import diff_text, unified_diff
from agent.untrusted_text import shortened
from sandbox.git.git_process import GitFailed

FACTS = SuiteFacts(
    name="history",
    title="Fixes of a repository's own history",
    source="a repository of the user's",
    published="",
    graded_by="the tests in the fix's test files that pass with the fix pass",
    ways=frozenset({*REPAIRS, AnswerSource.REFERENCE}),
)
MAX_COMMITS = 5_000
"""Looked at, newest first."""
MAX_SOURCES = 3
_FIX = re.compile(
    r"\b(fix(e[sd]|ing)?|bugs?|bugfix|regressions?|broken|crash(e[sd])?|wrong|incorrect(ly)?|"
    r"clos(e[sd]?|ing) #\d+|resolv(e[sd]?|ing) #\d+)\b",
    re.IGNORECASE,
)
_RECORD, _FIELD = "\x1e", "\x1f"


@dataclass(frozen=True)
class OwnHistory(ProjectSuite):
    """Implements `RepairSuite`."""

    path: Path
    at: str = "HEAD"

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def commit(self) -> str:
        """The commit up to which the history is read. Raises DataUnreadable."""
        with GitSource(self.path).opened() as source:
            return source.commit(self.at)

    def tasks(self) -> Sequence[Task]:
        with GitSource(self.path).opened() as source:
            tasks = list(_fixes(source, self.at))
        if not tasks:
            raise DataUnreadable(
                f"no commit of {self.path} up to {self.at} says that it fixes something and "
                f"changes a test and at most {MAX_SOURCES} sources"
            )
        return tasks

    def case(self, task: Task, folder: Path) -> ProjectCase:
        data = task.data
        with GitSource(self.path).opened() as source:
            beside = source.change(data["parent"], data["fix"], data["beside"])
            fix = source.change(data["parent"], data["fix"], data["sources"])
            project = source.export(data["parent"], folder, beside)
        return ProjectCase(folder=project, fix=fix, tests=tuple(data["tests"]))


def _fixes(source: OpenSource, at: str) -> Iterator[Task]:
    """Newest first."""
    log = source.git(
        *("log", "--no-merges", f"--max-count={MAX_COMMITS}", "--name-only", "--no-renames"),
        *("--diff-filter=AMD", f"--format={_RECORD}%H{_FIELD}%P{_FIELD}%as{_FIELD}%B{_FIELD}"),
        *("-z", source.commit(at)),
    )
    for record in log.split(_RECORD)[1:]:
        commit, parents, date, message, paths = record.split(_FIELD, 4)
        names = [name for name in re.split(r"[\0\n]", paths) if name]
        if len(parents.split()) == 1 and _FIX.search(message):
            task = _task(source, commit, parents, f"{date} {message.strip()}", names)
            if task is not None:
                yield task


def _task(
    source: OpenSource, commit: str, parent: str, message: str, paths: Sequence[str]
) -> Task | None:
    python = [path for path in paths if path.endswith(".py")]
    beside = [path for path in paths if is_test_side(path)]
    sources = [path for path in python if path not in beside]
    tests = [path for path in beside if _holds_tests(path)]
    if not 1 <= len(sources) <= MAX_SOURCES or not tests:
        return None
    try:
        fix = source.change(parent, commit, sources)
        present_tests = [path for path in tests if source.show(commit, path) is not None]
    except GitFailed:
        return None
    if not present_tests or any(old is None or new is None for old, new in fix.values()):
        return None
    return Task(
        task_id=commit[:12],
        group=commit[:12],
        prompt="",
        reference=diff_text(unified_diff(fix)),
        data={
            "fix": commit,
            "parent": parent,
            "message": shortened(message.partition("\n")[0], 120),
            "sources": sources,
            "beside": beside,
            "tests": present_tests,
        },
    )


def is_test_side(path: str) -> bool:
    """Whether a file belongs to the tests: by its name or by a folder above it."""
    pure = PurePosixPath(path)
    folders = {"test", "tests", "testing"}.intersection(pure.parts[:-1])
    return bool(folders) or _holds_tests(path) or pure.name == "conftest.py"


def _holds_tests(path: str) -> bool:
    name = PurePosixPath(path).name
    return bool(re.fullmatch(r"(test_.*|.*_tests?|tests?)\.py", name))
