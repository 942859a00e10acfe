"""Which plugins of pytest the tests use that the project forgets to ask for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.environments.known_plugins import (
    FIXTURES,
    INSTEAD,
    MARKERS,
    SETTINGS,
)
from sandbox.snapshots.snapshot import Snapshot

_MAX_FILES = 1000
_MAX_PARSED_FILES = 200
_CONFIG_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml")
_MARK = re.compile(rb"\bmark\.(\w+)")
_FIXTURE = re.compile(rb"\b(?:%s)\b" % b"|".join(name.encode() for name in FIXTURES))
_SNAPSHOT_FOLDERS = {".ambr": "syrupy", ".py": "snapshottest"}


def missing_plugins(project: PythonProject, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the distributions of plugins that settings, markers and fixtures of the tests belong
    to and that nothing in the project asks for."""
    if project.runner is not RunnerKind.PYTEST:
        return ()
    files = ConfigFiles(snapshot)
    names = {*_by_setting(files), *_by_use(files, project)}
    needs = _asked_for(files, project)
    return tuple(sorted(name for name in names if needs.isdisjoint((name, *INSTEAD.get(name, ())))))


def _by_setting(files: ConfigFiles) -> Iterator[str]:
    for path in _CONFIG_FILES:
        text = files.text(path)
        for name, plugin in SETTINGS.items():
            if re.search(rf"^[^\S\n]*{name}\s*=", text, re.M):
                yield plugin


def _by_use(files: ConfigFiles, project: PythonProject) -> Iterator[str]:
    """Markers wherever they stand in the tests; fixtures that no file of the project defines."""
    paths = [path for path in files.snapshot.python_files() if project.is_test_path(path)]
    contents = {path: files.snapshot.read(path) for path in paths[:_MAX_FILES]}
    for content in contents.values():
        for match in _MARK.finditer(content):
            if plugin := MARKERS.get(match[1].decode()):
                yield plugin
    fixtures = [path for path, content in contents.items() if _FIXTURE.search(content)]
    names = {name for path in fixtures[:_MAX_PARSED_FILES] for name in _asked(files.syntax(path))}
    for name in names - set(_defined(contents)):
        yield _plugin_of(name, contents, files)


def _plugin_of(name: str, contents: Mapping[str, bytes], files: ConfigFiles) -> str:
    """The plugin of a fixture; several bring `snapshot`, and what they saved tells them apart."""
    if name != "snapshot":
        return FIXTURES[name]
    for path in files.snapshot.entries:
        pure = PurePosixPath(path)
        if pure.suffix == ".ambr" or (pure.name.startswith("snap_") and pure.suffix == ".py"):
            return _SNAPSHOT_FOLDERS[pure.suffix]
    asserts = any(b"snapshot.assert_match" in content for content in contents.values())
    return "pytest-snapshot" if asserts else FIXTURES[name]


def _asked(module: ast.Module) -> Iterator[str]:
    """Names of fixtures that tests and fixtures take, without those that a parameter fills."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_pytests(node):
            parameters = set(_parametrized(node))
            for argument in (*node.args.args, *node.args.kwonlyargs):
                if argument.arg in FIXTURES and argument.arg not in parameters:
                    yield argument.arg


def _is_pytests(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = " ".join(ast.unparse(decorator)[:200] for decorator in node.decorator_list)
    return node.name.startswith("test") or "fixture" in decorators


def _parametrized(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and "parametrize" in ast.unparse(decorator.func):
            for part in ast.walk(decorator):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from re.findall(r"\w+", part.value[:1000])


def _defined(contents: Mapping[str, bytes]) -> Iterator[str]:
    """Names that the tests define themselves, or bring in from elsewhere."""
    for content in contents.values():
        for name in FIXTURES:
            word = name.encode()
            if word in content and re.search(
                rb"(?:\bdef|\bas)\s+%s\b|\bname\s*=\s*['\"]%s['\"]|^[^\S\n]*%s\s*=|\bimport\b[^\n]*\b%s\b"
                % (word, word, word, word),
                content,
                re.M,
            ):
                yield name


def _asked_for(files: ConfigFiles, project: PythonProject) -> set[str]:
    """Normal names of the project, and of what is installed with it in any case."""
    needs, metadata = project.needs, project.metadata
    requirements = [*needs.requirements, *metadata.dependencies]
    for extra in needs.extras:
        requirements += metadata.extras.get(extra, ())
    for path in (*needs.main_files, *needs.test_files):
        requirements += files.text(path).splitlines()
    names = (re.match(r"\s*([A-Za-z0-9][\w.-]*)", text) for text in requirements)
    members = (project.name, *(member.name for member in project.members))
    return {canonicalize_name(name) for name in (*members, *(match[1] for match in names if match))}
