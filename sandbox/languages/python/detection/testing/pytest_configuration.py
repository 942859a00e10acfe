"""pytest's own configuration in a project's files."""

from __future__ import annotations

import shlex
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, words
from sandbox.languages.python.detection.test_setup import DEFAULT_PATTERNS, RunnerKind, TestSetup
from sandbox.languages.python.detection.testing.test_files import present


def configured_pytest(files: ConfigFiles) -> tuple[TestSetup, str | None]:
    """What the configuration says, and the file it is in; None when there is none."""
    options, source = pytest_options(files)
    test_paths = (p.rstrip("/") for p in _split(options.get("testpaths")))
    setup = TestSetup(
        runner=RunnerKind.PYTEST,
        paths=tuple(path for path in test_paths if present(files, path)),
        patterns=_split(options.get("python_files")) or DEFAULT_PATTERNS,
        addopts=_split(options.get("addopts")),
        why=f"{source} configures pytest" if source else "",
    )
    return setup, source


def pytest_options(files: ConfigFiles, folder: str = "") -> tuple[Table, str | None]:
    """Return pytest's own options and the file they are in, in pytest's order."""
    place = f"{folder}/" if folder else ""
    for name in (f"{place}pytest.ini", f"{place}.pytest.ini"):
        if files.exists(name):
            return files.ini(name).get("pytest", {}), name
    tool = table(files.toml(f"{place}pyproject.toml"), "tool", "pytest")
    if tool:
        return table(tool, "ini_options") or tool, f"{place}pyproject.toml"
    for name, section in ((f"{place}tox.ini", "pytest"), (f"{place}setup.cfg", "tool:pytest")):
        if section in files.ini(name):
            return files.ini(name)[section], name
    return {}, None


def _split(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        return words(value)
    try:
        return tuple(shlex.split(value, comments=True))
    except ValueError:
        return tuple(value.split())
