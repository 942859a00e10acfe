"""Variables of the job that runs the tests, in GitHub's workflows and GitLab's pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, texts, words

_MAX_FILES = 20
_RUNS_TESTS = re.compile(
    r"\b(?:pytest|py\.test|unittest|tox|nox|trial|stestr|nose2?|runtests|manage\.py\s+test"
    r"|scripts?/\S*test\S*|hatch\s+(?:run\s+\S*)?test|(?:make|just|invoke|inv|poe|pdm|task)\s+\S*(?:test|check))\b"
)
_OF_TOOLS = re.compile(
    r"""(?:CI_|GITHUB_|GITLAB_|RUNNER_|ACTIONS_|PIP_|UV_|POETRY_|PDM_|HATCH_|TOX_?|NOX_?|CIBW_
    |CODECOV_|COVERALLS_|TWINE_|CONDA_|MAMBA_|PRE_COMMIT_|DOCKER_|CACHE_|NPM_|NODE_|RUST_?|CARGO_)
    .* | CI | FORCE_COLOR | NO_COLOR | PY_COLORS | CLICOLOR(?:_FORCE)? | TERM | COLUMNS | DISPLAY
    | .*(?:_VERSION|_TOKEN)""",
    re.VERBOSE,
)
"""Variables of the tools around the tests, not of the tests."""


def workflow_variables(files: ConfigFiles) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file, variables) for each file with jobs that run tests; expressions are left out."""
    paths = sorted(
        path
        for path in files.snapshot.entries
        if re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path)
    )
    for path in paths[:_MAX_FILES]:
        if _RUNS_TESTS.search(files.text(path)):
            yield path, _in_common(list(_of_steps(files.yaml(path))))
    if _RUNS_TESTS.search(files.text(".gitlab-ci.yml")):
        pipeline = files.yaml(".gitlab-ci.yml")
        for job in table(pipeline).values():
            if _RUNS_TESTS.search("\n".join(words(table(job).get("script")))):
                tables = (table(pipeline, "variables"), table(job, "variables"))
                yield ".gitlab-ci.yml", dict(_plain(*tables))


def _of_steps(workflow: Any) -> Iterator[dict[str, str]]:
    """Yield the variables of each step that runs tests."""
    for job in map(table, table(workflow, "jobs").values()):
        steps = job.get("steps")
        for step in map(table, steps if isinstance(steps, list) else []):
            if _RUNS_TESTS.search(str(step.get("run", ""))):
                yield dict(_plain(table(workflow, "env"), table(job, "env"), table(step, "env")))


def _in_common(steps: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what all of them set, as the first does: the tests can do without the rest."""
    if not steps:
        return {}
    names = set(steps[0]).intersection(*steps[1:])
    return {name: value for name, value in steps[0].items() if name in names}


def _plain(*tables: Table) -> Iterator[tuple[str, str]]:
    for values in tables:
        for name, value in texts(values).items():
            if "${{" not in value and "$" not in value and not _OF_TOOLS.fullmatch(name):
                yield name, value
