"""The workflow files of a repository on GitHub, their steps, and which texts of CI run tests."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table

_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
_MAX_FILES = 30
_RUNS_TESTS = re.compile(
    r"\b(?:pytest|py\.test|unittest|tox|nox|trial|stestr|nose2?|run-?tests"
    r"|(?:manage|setup)\.py\s+test|scripts?/\S{0,60}?test\w{0,20}"
    r"|hatch\s{1,9}(?:run\s{1,9}\S{0,60}?)?test"
    r"|(?:make|just|invoke|inv|poe|pdm|task)\s{1,9}\S{0,60}?(?:tests?|check))\b"
    r"|\s-m\s{1,9}\w{0,60}?tests?\b",
    re.IGNORECASE,
)
"""Every repetition is bounded: the text is not trusted, and the search takes no longer than it is
long."""


def workflow_paths(files: ConfigFiles) -> list[str]:
    """Return the paths of the workflow files, sorted; the first thirty of more."""
    return sorted(path for path in files.snapshot.entries if _WORKFLOW.fullmatch(path))[:_MAX_FILES]


@dataclass(frozen=True)
class Step:
    """One step of a job that runs commands."""

    commands: str
    """Lines of a shell; expressions stand as they are written."""
    folder: str
    """Where they run, below the top of the repository; `.` for the top."""
    variables: tuple[Table, ...]
    """Those of the workflow, the job and the step; the later win."""


def workflow_steps(files: ConfigFiles, path: str) -> Iterator[Step]:
    """Yield the steps of a workflow that run commands in a folder of the repository.

    The keys: https://docs.github.com/en/actions/reference/workflow-syntax-for-github-actions
    """
    workflow = table(files.yaml(path))
    by_default = table(workflow, "defaults", "run")
    for job in map(table, table(workflow, "jobs").values()):
        steps = job.get("steps")
        for step in map(table, steps if isinstance(steps, list) else ()):
            folder = _folder(step, table(job, "defaults", "run"), by_default)
            if isinstance(step.get("run"), str) and folder is not None:
                variables = (table(workflow, "env"), table(job, "env"), table(step, "env"))
                yield Step(step["run"].replace("\\\n", " "), folder, variables)


def _folder(*levels: Mapping[str, object]) -> str | None:
    """The folder that the first of the levels names; None where it cannot be known here, or lies
    outside."""
    values = (level.get("working-directory") for level in levels)
    text = next((value for value in values if isinstance(value, str) and value.strip()), ".")
    folder = posixpath.normpath(text.strip())
    is_known = "$" not in folder and not folder.startswith(("/", "..", "~"))
    return folder if is_known else None


def runs_tests(text: str) -> bool:
    """Say whether a command, a script or a whole file of CI seems to run tests."""
    return _RUNS_TESTS.search(text) is not None
