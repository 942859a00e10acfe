"""What a result file may not choose: where a verdict is taken again, how isolated, and by what.

A result is data. It names a commit, a patch and tests; what it names beyond that is shown to the
user, whose word it takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.errors import ResultAsksMore, ResultUnreadable
from agent.records import Budget, GeneratedTest, RepairJob, RepairResult
from agent.runs.folder import new_run_id
from agent.runs.result_file import Evidence
from agent.untrusted_text import shortened
from sandbox.git.login import Login, without_login

MAX_SECONDS = 24 * 3600.0
"""Of a verification without a limit of its own: those of its parts end it."""
MAX_SHOWN_CHARACTERS = 300
"""Characters of what a file asks for."""
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Settings of a verification that only the user may choose."""

    target: str | None = None
    """A folder or a git URL."""
    login: Login | None = None
    """For fetching it."""
    at: str | None = None
    """None takes the commit that the file names."""
    install: str | None = None
    """As the rest: None where nothing was said; an empty text has the command found."""
    test: str | None = None
    env: Mapping[str, str] | None = None
    """Variables of the tests; None where nothing was said, an empty table has none."""
    python: str | None = None
    """None takes the version that the file names."""
    sandbox: str | None = None
    its_tests: bool = False
    """Add the tests that the file brings along."""
    max_seconds: float | None = None
    """Of the whole verification; None leaves it to the limits of its parts."""


def job_of(path: Path, result: RepairResult, evidence: Evidence, terms: Terms) -> RepairJob:
    """The job that takes the verdict again.

    Raises ResultAsksMore with a line for each thing that the user has to say.
    """
    questions = [*_where(evidence, terms), *_how(evidence, terms), *_tests(result, terms)]
    if questions or terms.target is None:
        raise ResultAsksMore(
            "\n".join([f"{path} is data, and what it asks for is yours:", *questions])
        )
    if evidence.baseline is None or not evidence.baseline.baseline.failing:
        raise ResultUnreadable(f"{path} names no test that the patch makes pass")
    python = evidence.python_version
    return RepairJob(
        run_id=new_run_id(),  # the file's own would name a folder here
        target=terms.target,
        at=terms.at or _commit(path, evidence),
        install=terms.install or None,
        test=terms.test or None,
        env=terms.env or {},
        python=terms.python or (".".join(map(str, python[:2])) if python else None),
        only=evidence.baseline.baseline.failing,
        budget=Budget(max_seconds=terms.max_seconds or MAX_SECONDS),
        sandbox=terms.sandbox or "auto",
    )


def check_place(path: Path, test: GeneratedTest) -> None:
    """Raises ResultUnreadable where a test that the file brings would lie outside the project."""
    relative_path = PurePosixPath(test.path)
    parts = set(relative_path.parts)
    if relative_path.is_absolute() or parts & {"..", ".git"} or str(relative_path) != test.path:
        raise ResultUnreadable(f"{path} is damaged: {_show(test.path)} is no place for a test")


def _where(evidence: Evidence, terms: Terms) -> list[str]:
    if terms.target is not None:
        return []
    place = _show(without_login(evidence.target))
    return [f"it was made from {place}; name the repository after the file"]


def _how(evidence: Evidence, terms: Terms) -> list[str]:
    questions = []
    for name, request, answer in (
        ("install", evidence.install, terms.install),
        ("test", evidence.test, terms.test),
    ):
        if request is not None and answer is None:
            questions.append(
                f"it asks for the {name} command {_show(request)}; give --{name} with the one "
                f'to run, or --{name} "" to have it found'
            )
    if evidence.env and terms.env is None:
        names = ", ".join(evidence.env)
        questions.append(
            f"its tests ran with the variables {_show(names)}, whose values are not in it; give "
            '--env NAME=VALUE for each, or --env "" to do without'
        )
    if evidence.sandbox == "process" and terms.sandbox is None:
        questions.append(
            "it asks for the sandbox process, which isolates nothing; give --sandbox with one "
            "that does (auto), or with process for code you would run yourself"
        )
    if evidence.include_tests:
        questions.append("it asks that the patch may change what is not source; that is not taken")
    return questions


def _tests(result: RepairResult, terms: Terms) -> list[str]:
    if not result.generated_tests or terms.its_tests:
        return []
    test_paths = ", ".join(_show(test.path) for test in result.generated_tests)
    return [
        f"it brings tests of its own ({test_paths}); read them, and add --its-tests to have them"
    ]


def _commit(path: Path, evidence: Evidence) -> str | None:
    """A full commit id: a branch name would mean another commit in another clone."""
    commit = evidence.base_commit
    if commit is not None and not _COMMIT.fullmatch(commit):
        raise ResultUnreadable(f"{path} is damaged: {_show(commit)} is no commit's id")
    return commit


def _show(text: str) -> str:
    return f"`{shortened(text, MAX_SHOWN_CHARACTERS)}`"
