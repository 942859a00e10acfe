"""How a guest program starts pytest: import path, plugins and command line.

pytest and the installed plugins are imported while nothing of the workspace is on the import
path, so no file of the target (`pytest.py`, a `*.dist-info`) can take their place. The import
path of the project's own test command is set after that. Python 3.8+.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import unittest
from typing import Any, Callable, Dict, Iterator, List, Tuple, TypeVar

from .project_plugins import held_back, load_plugins, project_plugins

Hook = TypeVar("Hook", bound=Callable[..., Any])

DISABLED_PLUGINS = (
    "cacheprovider",
    "rerunfailures",
    "randomly",
    "timeout",
    "sugar",
    "instafail",
    "flaky",
)
"""Plugins that reorder, repeat, interrupt or decorate; xdist and pytest-cov sleep unasked."""
LINTER_PLUGINS = (
    "black",
    "checkdocs",
    "codestyle",
    "docstyle",
    "flake8",
    "isort",
    "mypy",
    "pycodestyle",
    "pydocstyle",
    "pylint",
    "ruff",
    "enabler",
)
"""Plugins that make a test of each source file, which would then be no source to repair; the last
one asks for others unseen."""
PYTEST_MODULES = ("iniconfig", "packaging", "pluggy")
"""What pytest stands on and somebody may want to repair."""
LATE_MODULES = ("packaging.requirements", "packaging.version")
"""Imported by pytest when it is configured, not when it is imported."""
PLUGIN_SETTINGS = (
    "timeout",
    "timeout_method",
    "timeout_func_only",
    "timeout_disable_debugger_detection",
    "session_timeout",
    "reruns",
    "reruns_delay",
    "cache_dir",
)
PLUGIN_MARKERS = ("timeout", "flaky", "random_order")


def take_off_path(workspace: str) -> List[str]:
    """Take the workspace off the import path (an editable install may have put it there) and
    return what was taken. An interpreter that itself lies in the workspace keeps its own."""
    root = workspace.rstrip("/")
    entries, project_entries = [], []
    for entry in sys.path:
        is_project = entry == root or entry.startswith(root + "/")
        is_interpreter = sys.prefix.startswith(root + "/") and entry.startswith(sys.prefix + "/")
        if is_project and not is_interpreter:
            project_entries.append(entry)
        elif entry:
            entries.append(entry)
    sys.path[:] = entries
    return project_entries


def project_path(workspace: str, roots: List[str]) -> List[str]:
    """Absolute import roots of the test command, in order."""
    variable = os.environ.get("REPAIR_IMPORT_ROOTS", "")
    roots = list(roots) + [entry or "." for entry in variable.split(os.pathsep) if variable]
    import_path: List[str] = []
    for entry in roots:
        absolute = os.path.normpath(os.path.join(workspace, entry))
        if absolute not in import_path:
            import_path.append(absolute)
    return import_path


def first(hook: Hook) -> Hook:
    """Mark a hook to run before all others; `pytest.hookimpl` without importing pytest."""
    hook.pytest_impl = {"tryfirst": True}  # type: ignore[attr-defined]
    return hook


def outermost(hook: Hook) -> Hook:
    """Mark a generator to run around a hook, wrappers of others included."""
    hook.pytest_impl = {"hookwrapper": True, "tryfirst": True}  # type: ignore[attr-defined]
    return hook


class ImportPath:
    """pytest plugin: puts the project on the import path once all plugins are loaded."""

    def __init__(self, request: Dict[str, Any], editable: List[str]) -> None:
        self._request = request
        self._editable = editable
        """Workspace entries that were on the path from the start; they go to the end."""
        self._own = project_plugins()
        self._line: List[str] = []
        self._plain_main: Any = unittest.main

    def leave(self, workspace: str) -> None:
        """Take what a program of the project added off the path until the plugins are loaded."""
        self._editable += take_off_path(workspace)

    def held_back(self, line: List[str]) -> List[str]:
        """Return the command line with which the project's own plugins are not loaded yet."""
        self._line = line
        return held_back(line, self._own)

    def pytest_addoption(self, parser: Any) -> None:
        for name in PLUGIN_SETTINGS:
            try:
                parser.addini(name, "setting of a plugin that is off here", default=None)
            except ValueError:  # the plugin is there under another name
                continue

    def pytest_configure(self, config: Any) -> None:
        for name in PLUGIN_MARKERS:
            config.addinivalue_line("markers", name + ": marker of a plugin that is off here")

    @outermost
    def pytest_load_initial_conftests(self, early_config: Any) -> Iterator[None]:
        # Before pytest's own wrapper, which imports the warnings that `filterwarnings` names.
        enter_project(self._request, self._editable)
        for name in self._request.get("plugins", ()):
            early_config.pluginmanager.import_plugin(name)
        load_plugins(early_config.pluginmanager, self._own, self._line)
        # A file of tests that ends in `unittest.main()` is imported here and not started.
        self._plain_main, unittest.main = unittest.main, _not_started  # type: ignore
        yield

    @first
    def pytest_collection_finish(self) -> None:
        unittest.main = self._plain_main


def _not_started(*_: Any, **__: Any) -> None:
    """Stands in for `unittest.main` while tests are collected."""


def enter_project(request: Dict[str, Any], editable: List[str]) -> None:
    """Set the import path and environment that the project's own test command would have."""
    workspace = request["workspace"]
    sys.path[:0] = project_path(workspace, request.get("import_roots", []))
    sys.path += [entry for entry in editable if entry not in sys.path]
    roots = os.environ.pop("REPAIR_IMPORT_ROOTS", "")
    if roots:
        os.environ["PYTHONPATH"] = roots
    os.environ.pop("PYTEST_PLUGINS", None)


def import_pytest(request: Dict[str, Any]) -> Tuple[Any, ImportPath]:
    """Import pytest from the environment alone."""
    editable = take_off_path(request["workspace"])
    sys.dont_write_bytecode = request.get("dont_write_bytecode", True)
    sys.argv[:] = ["pytest"]
    if any(importlib.util.find_spec(name) is None for name in PYTEST_MODULES):
        # The project is one that pytest itself needs, installed from the workspace. What the
        # environment has comes first, and plugins are looked for only after it is off again.
        sys.path += editable
    import pytest

    for name in LATE_MODULES:
        try:
            importlib.import_module(name)
        except ImportError:  # an older pytest does without
            continue
    take_off_path(request["workspace"])
    _without_filters_for_plugins()
    return pytest, ImportPath(request, editable)


def _without_filters_for_plugins() -> None:
    """From 9.1 on pytest puts the project's `filterwarnings` around the import of its plugins. A
    filter may name a class of the project, which is not on the path yet: they come after it."""
    from _pytest.config import Config

    if hasattr(Config, "_capture_plugin_import_warnings"):
        config: Any = Config
        config._capture_plugin_import_warnings = lambda _: contextlib.nullcontext()


def file_of(test_id: str) -> str:
    return test_id.partition("::")[0]


def containers_of(test_id: str) -> Iterator[str]:
    """What a test may be named by besides its id: its function without the parameters, its
    classes, its file and the folders above it."""
    path, _, names = test_id.partition("::")
    parts = names.partition("[")[0].split("::") if names else []
    for count in range(len(parts), 0, -1):
        yield "::".join([path, *parts[:count]])
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def arguments(request: Dict[str, Any], paths: List[str]) -> List[str]:
    """pytest's command line. `paths` may be empty: the project's own configuration decides."""
    line = ["--rootdir=" + request["workspace"], "-o", "addopts="]
    for name in (*DISABLED_PLUGINS, *LINTER_PLUGINS):
        line += ["-p", "no:" + name]
    # Collection errors are events of their own; the tests that could be collected still run.
    line += ["--color=no", "-q", "--tb=short", "--continue-on-collection-errors"]
    workspace = request["workspace"]  # the command may run in another folder
    return [*line, *request.get("addopts", ()), *(os.path.join(workspace, p) for p in paths)]


def paths_of(test_ids: List[str], workspace: str) -> List[str]:
    """Files to collect for the ids named; one that is gone is left out (its tests go missing)."""
    files = dict.fromkeys(file_of(test_id) for test_id in test_ids)
    return [path for path in files if os.path.exists(os.path.join(workspace, path))]
