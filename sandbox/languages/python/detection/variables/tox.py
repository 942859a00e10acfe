"""`setenv` of tox: of `[testenv]`, or of the environment that runs the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table
from sandbox.languages.python.detection.variables.allowed import texts
from sandbox.languages.python.detection.variables.env_files import env_file
from sandbox.languages.python.detection.variables.substitution import WORKSPACE, substituted

Sections = Mapping[str, Mapping[str, str]]

_NAMES = {
    **dict.fromkeys(("toxinidir", "tox_root", "package_root", "setupdir"), WORKSPACE),
    **dict.fromkeys(("envtmpdir", "env_tmp_dir", "temp_dir", "toxworkdir", "work_dir"), "/tmp"),  # noqa: S108 - in the sandbox
    **{"envname": "py", "env_name": "py", "posargs": "", ":": ":", "/": "/", "": ""},
}
_RUNS_TESTS = re.compile(r"py|python|(?:unit)?-?tests?|pytest|unit|default|dev")
_VERSIONED = re.compile(r"py(?:thon)?[\d{].*")
_CONDITION = re.compile(r"([\w!{},.-]+):\s+(.*)")
_FACTORS = frozenset(("py", "py3", "python", "test", "tests", "unit"))
"""Of the environment that is meant: any Python, any versions of other packages."""


def tox_variables(files: ConfigFiles) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file, variables) for each of tox's files that sets any."""
    pyproject = files.toml("pyproject.toml")
    legacy = table(pyproject, "tool", "tox").get("legacy_tox_ini")
    sections = [
        ("tox.ini", files.ini("tox.ini")),
        ("pyproject.toml", files.ini_text("pyproject.toml", legacy) if legacy else {}),
        ("setup.cfg", files.ini("setup.cfg")),
    ]
    for name, ini in sections:
        if variables := _of_ini(files, ini):
            yield name, variables
    tables = (
        ("tox.toml", files.toml("tox.toml")),
        ("pyproject.toml", table(pyproject, "tool", "tox")),
    )
    for name, toml in tables:
        if variables := _of_toml(files, toml):
            yield name, variables


def _of_ini(files: ConfigFiles, sections: Sections) -> dict[str, str]:
    lines = {
        name.removeprefix("testenv").removeprefix(":"): text
        for name, section in sections.items()
        if name == "testenv" or name.startswith("testenv:")
        if (text := section.get("setenv", section.get("set_env"))) is not None
    }
    chosen = _chosen(lines)
    return {} if chosen is None else _lines(files, lines[chosen], sections, 0)


def _chosen(names: Mapping[str, Any]) -> str | None:
    """Return the environment whose variables count: one named for tests, then the base of all
    (the empty name), then one named for a version."""
    named = [name for name in names if _RUNS_TESTS.fullmatch(name)]
    versioned = [name for name in names if name and _VERSIONED.fullmatch(name)]
    return next(iter([*named, *(name for name in names if not name), *versioned[::-1]]), None)


def _lines(files: ConfigFiles, text: str, sections: Sections, depth: int) -> dict[str, str]:
    """Read the lines of one `setenv`."""

    def section(name: str, key: str) -> str | None:
        other = sections.get(name, {})
        twin = {"setenv": "set_env", "set_env": "setenv"}.get(key, key)
        return other.get(key, other.get(twin))

    variables: dict[str, str] = {}
    for line in text.splitlines():
        line = _without_condition(line.strip())
        name, equals, value = line.partition("=")
        name = name.strip()
        if line.startswith("file|"):
            path = (substituted(line.removeprefix("file|"), _NAMES) or "").strip()
            variables.update(env_file(files.text(path.removeprefix(f"{WORKSPACE}/"))))
        elif equals and re.fullmatch(r"\w+", name):
            resolved = substituted(value.strip(), _NAMES, section)
            if resolved is not None:
                variables[name] = resolved
        elif re.fullmatch(r"\{\[[^\[\]]+\]\w+\}", line) and depth < 10:
            other, _, key = line[2:-1].partition("]")
            variables.update(_lines(files, section(other, key) or "", sections, depth + 1))
    return variables


def _without_condition(line: str) -> str:
    """Return a line for certain factors without its condition where that holds, else nothing."""
    match = _CONDITION.fullmatch(line)
    if match is None:
        return line
    holds = any(
        all(
            (factor.lstrip("!") in _FACTORS) is not factor.startswith("!")
            for factor in alternative.split("-")
        )
        for alternative in match[1].split(",")
    )
    return match[2] if holds else ""


def _of_toml(files: ConfigFiles, toml: Table) -> dict[str, str]:
    environments: dict[str, Any] = {
        name: value for name, value in table(toml, "env").items() if _set_env(value)
    }
    if _set_env(table(toml, "env_run_base")):
        environments[""] = table(toml, "env_run_base")
    chosen = _chosen(environments)
    values = dict(_set_env(environments[chosen])) if chosen is not None else {}
    file = values.pop("file", None)
    variables = env_file(files.text(file)) if isinstance(file, str) else {}
    for name, value in texts(values).items():
        resolved = substituted(value, _NAMES)
        if resolved is not None:
            variables[name] = resolved
    return variables


def _set_env(environment: Any) -> Table:
    return table(environment, "set_env") or table(environment, "setenv")
