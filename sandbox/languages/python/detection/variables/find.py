"""Which variables the tests are run with: what the user says, then what the project's files say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.env_files import env_file
from sandbox.languages.python.detection.tox.substitution import WORKSPACE
from sandbox.languages.python.detection.tox.variables import tox_variables
from sandbox.languages.python.detection.variables.allowed import (
    MAX_VARIABLES,
    name_objection,
    value_objection,
)
from sandbox.languages.python.detection.variables.declared_variables import (
    hatch_variables,
    pytest_env_variables,
    script_variables,
)
from sandbox.languages.python.detection.variables.nox import nox_variables
from sandbox.languages.python.detection.variables.required import read_names
from sandbox.languages.python.detection.variables.workflow_variables import workflow_variables
from sandbox.snapshots.tarball import parents

GIVEN = "the user"
OWN_TABLE = "[tool.repair]"
_TEST_FILES = (".env.test", ".env.testing", ".env.tests", ".env.ci")
_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env")
_SERVICE = re.compile(r"[\w+.-]+://|^(?:localhost|127\.0\.0\.1)\b", re.I)
_NO_SERVICE = re.compile(r"(?:sqlite\b|sqlite\+|memory:|locmem|dummy|file:|https?:)", re.I)

_SHOWN = 10

Source = tuple[str, Mapping[str, str]]
"""Where it stands, for people, and the variables there."""


@dataclass
class TestVariables:
    """The variables of the tests, and the folders that their PYTHONPATH names."""

    __test__ = False

    values: dict[str, str] = field(default_factory=dict)
    """`{workspace}` in a value stands for the project's folder."""
    roots: list[str] = field(default_factory=list)
    """Folders of the project, relative."""
    sources: dict[str, list[str]] = field(default_factory=dict)
    """Where they stand → their names."""
    refused: list[str] = field(default_factory=list)
    """Names of those that are not set, with the file."""

    def take(self, source: str, name: str, value: str) -> None:
        """Set a variable, unless one of an earlier source has the name."""
        if name in self.values or (name == "PYTHONPATH" and self.roots):
            return
        if name_objection(name) or value_objection(value) or len(self.values) >= MAX_VARIABLES:
            self.refused.append(f"{name[:60]} ({source})")
            return
        self.values[name] = value
        self.sources.setdefault(source, []).append(name)

    def why(self) -> Iterator[str]:
        """Say which are set and where they stand, and no value: it may be a secret."""
        for source, names in self.sources.items():
            yield f"the tests run with {', '.join(names[:_SHOWN])} from {source}"

    def notes(self) -> Iterator[str]:
        """Say which are not set."""
        if self.refused:
            names = ", ".join(self.refused[:_SHOWN])
            yield (
                "variables are not set for the tests where they steer the interpreter or this "
                f"program, or are too large: {names}"
            )


def find_variables(
    files: ConfigFiles, given: Mapping[str, str], own: Mapping[str, str]
) -> TestVariables:
    """Merge the sources, the first that names a variable wins; values are untrusted text.

    `given` is the user's, `own` that of `[tool.repair]`. Continuous integration and examples of
    `.env` files are for other machines: of these only what the project's code reads is taken.
    """
    variables = TestVariables()
    for source, values in ((GIVEN, given), (OWN_TABLE, own), *_of_the_tests(files)):
        for name, value in values.items():
            variables.take(source, name, value)
    for source, name, value in _of_other_machines(files):
        variables.take(source, name, value)
    _split_python_path(files, variables)
    return variables


def _of_the_tests(files: ConfigFiles) -> Iterator[Source]:
    yield from pytest_env_variables(files, defaults=False)
    yield from tox_variables(files)
    yield from hatch_variables(files)
    yield "noxfile.py", nox_variables(files.syntax("noxfile.py"))
    yield from script_variables(files)
    yield from pytest_env_variables(files, defaults=True)


def _of_other_machines(files: ConfigFiles) -> Iterator[tuple[str, str, str]]:
    strong = [*((path, env_file(files.text(path))) for path in _TEST_FILES)]
    strong += workflow_variables(files)
    weak = [(path, env_file(files.text(path))) for path in _EXAMPLES]
    if not any(values for _, values in (*strong, *weak)):
        return
    names = read_names(files)
    for source, values in (*strong, *weak):
        for name, value in values.items():
            is_optional = source in _EXAMPLES or not value or _is_service(value)
            if name in (names.required if is_optional else names.read):
                yield source, name, value


def _is_service(value: str) -> bool:
    """A database of another machine: what the project does without one is the better guess."""
    return bool(_SERVICE.search(value)) and not _NO_SERVICE.match(value)


def _split_python_path(files: ConfigFiles, found: TestVariables) -> None:
    value = found.values.pop("PYTHONPATH", None)
    if value is None:
        return
    folders = {parent for path in files.snapshot.entries for parent in parents(path)} | {"."}
    for entry in filter(None, re.split(r"[:;]", value)):
        root = PurePosixPath(entry.replace(f"{WORKSPACE}/", "").replace(WORKSPACE, "."))
        if root.as_posix() in folders:
            found.roots.append(root.as_posix())
        elif "$" not in entry:
            found.refused.append(f"PYTHONPATH={entry[:60]}, which is no folder of the project")
