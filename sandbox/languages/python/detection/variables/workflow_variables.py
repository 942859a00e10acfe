"""Variables of the job that runs the tests, in GitHub's workflows and GitLab's pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, texts, words
from sandbox.languages.python.detection.workflows import (
    runs_tests,
    workflow_paths,
    workflow_steps,
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
    for path in workflow_paths(files):
        if runs_tests(files.text(path)):
            steps = [step for step in workflow_steps(files, path) if runs_tests(step.commands)]
            yield path, _in_common([dict(_plain(*step.variables)) for step in steps])
    if runs_tests(files.text(".gitlab-ci.yml")):
        pipeline = files.yaml(".gitlab-ci.yml")
        for job in table(pipeline).values():
            if runs_tests("\n".join(words(table(job).get("script")))):
                tables = (table(pipeline, "variables"), table(job, "variables"))
                yield ".gitlab-ci.yml", dict(_plain(*tables))


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
