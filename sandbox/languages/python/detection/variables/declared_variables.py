"""Variables that pytest-env, hatch, pdm and poe are told to run the tests with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, texts, words
from sandbox.languages.python.detection.env_files import env_file
from sandbox.languages.python.detection.tox.substitution import WORKSPACE, substituted

_HATCH_NAMES = {"root": WORKSPACE, "home": "/tmp"}  # noqa: S108 - in the sandbox
_TEST_NAMES = ("default", "dev", "testing", "tests", "test", "hatch-test")
"""Of environments and scripts; a later one wins."""
_PYTEST_ENV = re.compile(r"((?:[RDU]:)*)\s*(\w+)\s*=\s*(.*)", re.S)


def pytest_env_variables(
    files: ConfigFiles, *, defaults: bool
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file, variables) of pytest-env: those marked as defaults, or all others."""
    pyproject = files.toml("pyproject.toml")
    pytest_table = table(pyproject, "tool", "pytest")
    lists: list[tuple[str, Any]] = [
        ("pytest.ini", files.ini("pytest.ini").get("pytest", {}).get("env")),
        ("tox.ini", files.ini("tox.ini").get("pytest", {}).get("env")),
        ("setup.cfg", files.ini("setup.cfg").get("tool:pytest", {}).get("env")),
        ("pyproject.toml", table(pytest_table, "ini_options").get("env")),
    ]
    for name, value in lists:
        yield name, dict(_pytest_env_lines(words(value), defaults))
    tables = (
        ("pytest.toml", table(files.toml("pytest.toml"), "pytest_env")),
        ("pyproject.toml", table(pyproject, "tool", "pytest_env")),
    )
    for name, toml in tables:
        yield name, dict(_pytest_env_table(toml, defaults))


def _pytest_env_lines(lines: tuple[str, ...], defaults: bool) -> Iterator[tuple[str, str]]:
    for line in lines:
        match = _PYTEST_ENV.fullmatch(line)
        if match and "U:" not in match[1] and ("D:" in match[1]) is defaults:
            value = match[3] if "R:" in match[1] else substituted(match[3], {})
            if value is not None:
                yield match[2], value


def _pytest_env_table(toml: Table, defaults: bool) -> Iterator[tuple[str, str]]:
    for name, entry in toml.items():
        options = entry if isinstance(entry, dict) else {"value": entry}
        value = texts(options).get("value")
        if (
            value is None
            or options.get("unset")
            or bool(options.get("skip_if_set")) is not defaults
        ):
            continue
        text = substituted(value, {}) if options.get("transform") else value
        if text is not None:
            yield name, text


def hatch_variables(files: ConfigFiles) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file, variables) of hatch's environments for tests."""
    sources = (
        ("hatch.toml", table(files.toml("hatch.toml"), "envs")),
        ("pyproject.toml", table(files.toml("pyproject.toml"), "tool", "hatch", "envs")),
    )
    for file, environments in sources:
        variables: dict[str, str] = {}
        for name in _TEST_NAMES:
            for variable, text in texts(table(environments, name, "env-vars")).items():
                value = substituted(text, _HATCH_NAMES)
                if value is not None:
                    variables[variable] = value
        yield file, variables


def script_variables(files: ConfigFiles) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file, variables) of the scripts of pdm, and of poe's tasks."""
    tool = table(files.toml("pyproject.toml"), "tool")
    poe = table(tool, "poe")
    pdm = table(tool, "pdm", "scripts")
    places = [table(pdm, "_"), *(table(pdm, name) for name in _TEST_NAMES)]
    places += [poe, *(table(poe, "tasks", name) for name in _TEST_NAMES)]
    variables: dict[str, str] = {}
    for place in places:
        for key in ("env_file", "envfile"):
            if isinstance(path := place.get(key), str):
                variables.update(env_file(files.text(path)))
        variables.update(texts(table(place, "env")))
    yield "pyproject.toml", variables
