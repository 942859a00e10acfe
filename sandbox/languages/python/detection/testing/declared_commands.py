"""Where a project writes down how it is tested, in the order in which the places are asked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, table, words
from sandbox.languages.python.detection.packaging.setup_py import nox_calls
from sandbox.languages.python.detection.testing.test_command import TestCommand, commands_of
from sandbox.languages.python.detection.tox.tox_commands import tox_commands
from sandbox.languages.python.detection.workflows import workflow_paths, workflow_steps

SCRIPTS = (
    *("scripts/test", "scripts/test.sh", "script/test", "scripts/tests", "bin/test"),
    *("run_tests.sh", "runtests.sh", "test.sh", "scripts/run_tests.sh"),
)
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile")
_CI_FILES = (
    *(".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml", ".circleci/config.yml"),
    *("appveyor.yml", ".appveyor.yml", ".cirrus.yml"),
)
_TEST_TARGET = re.compile(r"^[\w./-]*(?:test|check|unit|cov|ci)[\w./ *-]*:(?!=)")
_MAKE_VARIABLE = re.compile(r"\$[({](\w+)[)}]")
_MAKE_ASSIGNMENT = re.compile(r"^(\w+)\s*[:?]?=\s*(.*)$")
_CI_PREFIX = re.compile(
    r"^(?:-\s+)?(?:(?:run|script|command|test_script)\s*:\s*)?(?:-\s+)?[|>]?-?\s*"
)
_POSARGS = re.compile(r"\{args(?::([^{}]*))?\}|\$?\{\{.*?\}\}|\"?\$@\"?")
_MAX_LINES = 20_000
_MAX_LINE_CHARACTERS = 10_000
_MAX_VALUE_CHARACTERS = 1000


def declared_commands(files: ConfigFiles) -> Iterator[tuple[str, TestCommand]]:
    """(file, command) of every test command that the project's files hold."""
    for source, text, folder in _lines(files):
        for command in commands_of(files, text[:_MAX_LINE_CHARACTERS], folder):
            yield source, command


def _lines(files: ConfigFiles) -> Iterator[tuple[str, str, str]]:
    """(file, command line, folder)."""
    yield from tox_commands(files)
    _, commands = nox_calls(files.syntax("noxfile.py"))
    for parts in commands:
        yield "noxfile.py", shlex.join(parts), "."
    for source, lines in (
        ("pyproject.toml", _hatch(table(files.toml("pyproject.toml"), "tool", "hatch", "envs"))),
        ("hatch.toml", _hatch(table(files.toml("hatch.toml"), "envs"))),
        ("pyproject.toml", _tasks(files)),
        ("Pipfile", _texts(table(files.toml("Pipfile"), "scripts"))),
    ):
        for line in lines:
            yield source, line, "."
    for name in _MAKEFILES:
        yield from ((name, line, ".") for line in _make(files.text(name)))
    for name in SCRIPTS:
        yield from ((name, _plain(line), ".") for line in _short(files.text(name)))
    for name in workflow_paths(files):
        for step in workflow_steps(files, name):
            yield from ((name, _plain(line), step.folder) for line in _short(step.commands))
    for name in _CI_FILES:
        yield from ((name, _plain(_ci(line)), ".") for line in _short(files.text(name)))


def _hatch(environments: Any) -> Iterator[str]:
    for environment in environments.values():
        yield from _texts(table(environment, "scripts"))


def _tasks(files: ConfigFiles) -> Iterator[str]:
    """Tasks of pdm, poethepoet, taskipy and rye."""
    tool = table(files.toml("pyproject.toml"), "tool")
    for names in (("pdm", "scripts"), ("poe", "tasks"), ("taskipy", "tasks"), ("rye", "scripts")):
        yield from _texts(table(tool, *names))


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """The command lines in a task: a string, a list of them, or a table with one of the keys
    under which the tools keep them."""
    if isinstance(value, str):
        yield from (_plain(line) for line in words(value))
    elif depth > 4:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict):
        keys = ("cmd", "shell", "composite", "sequence", "chain")
        items = [value[key] for key in keys if key in value] if depth == 1 else [*value.values()]
        for item in items:
            yield from _texts(item, depth + 1)


def _make(text: str) -> Iterator[str]:
    """The recipes of the targets that are named for tests."""
    assignments = filter(None, map(_MAKE_ASSIGNMENT.match, _short(text)))
    variables = {match[1]: match[2][:_MAX_VALUE_CHARACTERS] for match in assignments}
    inside = False
    for line in _short(text.replace("\\\n", " ")):
        if line[:1] in ("\t", " "):
            if inside:
                yield _plain(_expanded(line.strip().lstrip("@-+ "), variables))
        elif line.strip():
            inside = bool(_TEST_TARGET.match(line))


def _expanded(line: str, variables: dict[str, str]) -> str:
    for _ in range(5):
        expansion = _MAKE_VARIABLE.sub(
            lambda m: variables.get(m[1], "python" if m[1].startswith("PY") else ""),
            line[:_MAX_LINE_CHARACTERS],
        )
        if expansion == line:
            break
        line = expansion
    return line[:_MAX_LINE_CHARACTERS]


def _ci(line: str) -> str:
    """A line of a workflow without what YAML puts before a command."""
    command = _CI_PREFIX.sub("", line.strip(), count=1)
    is_quoted = len(command) > 1 and command[0] == command[-1] and command[0] in "\"'"
    return command[1:-1] if is_quoted else command


def _plain(line: str) -> str:
    """Without what the tool would put in: arguments of the caller, values of the workflow."""
    return _POSARGS.sub(lambda match: match[1] or "", line).strip()


def _short(text: str) -> list[str]:
    return [line[:_MAX_LINE_CHARACTERS] for line in text.splitlines()[:_MAX_LINES]]
