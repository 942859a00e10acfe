"""From a snapshot to what is known of a JavaScript or TypeScript project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.languages.base import Overrides
from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles, table
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.detection.test_command import find_tests
from sandbox.snapshots.snapshot import Snapshot

_VERSION_FILES = (".nvmrc", ".node-version")
_VERSION = re.compile(r"v?(\d+(?:\.\d+){0,2})")
MAX_NAME_CHARACTERS = 100
_NAME = re.compile(rf"[\w@./~+-]{{1,{MAX_NAME_CHARACTERS}}}", re.ASCII)
_NO_RANGE = re.compile(r"[^\w.*<>=|^~ +-]", re.ASCII)


def understand(snapshot: Snapshot, overrides: Overrides | None = None) -> JavaScriptProject | None:
    """Find how the project is installed and tested; what the user gives wins. None where it has no
    package.json, or where its tests are run by what cannot be run here.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    files = PackageFiles(snapshot)
    if not files.exists(PACKAGE_FILE):
        return None
    package = files.json(PACKAGE_FILE)
    choice = find_tests(files, package, overrides.test)
    if choice.framework is None:
        return None
    name = package.get("name")
    return JavaScriptProject(
        name=name if isinstance(name, str) and _NAME.fullmatch(name) else snapshot.name,
        framework=choice.framework,
        tests=choice.tests,
        node=_node_version(files, package),
        install=overrides.install,
        variables=dict(overrides.env),
        why=(
            f"tests run by {choice.framework}: {choice.why}",
            _why_install(overrides, files, package),
        ),
        notes=(*files.notes, *_notes(package, overrides)),
    )


def other_framework(snapshot: Snapshot) -> str:
    """The name of the framework that the script `test` runs and that cannot be run here; empty
    where none is known."""
    files = PackageFiles(snapshot)
    return find_tests(files, files.json(PACKAGE_FILE), None).other


def _why_install(overrides: Overrides, files: PackageFiles, package: Mapping[str, Any]) -> str:
    if overrides.install:
        return f"installed by the command given: {overrides.install}"
    if not (table(package, "dependencies") or table(package, "devDependencies")):
        return "package.json names no dependency"
    has_lock = files.exists("package-lock.json") or files.exists("npm-shrinkwrap.json")
    return "installed by npm, as its lock file says" if has_lock else "installed by npm"


def _notes(package: Mapping[str, Any], overrides: Overrides) -> list[str]:
    notes = []
    if overrides.python:
        notes.append("the Python that was asked for is not used: the tests are JavaScript's")
    if "pretest" in table(package, "scripts"):
        notes.append("the script `pretest` is not run: tests of what it builds see no patch")
    if package.get("workspaces"):
        notes.append("only the package at the top is tested, none of its workspaces")
    return notes


def _node_version(files: PackageFiles, package: Mapping[str, Any]) -> str | None:
    engines = table(package, "engines").get("node")
    if isinstance(engines, str) and engines.strip():
        return _NO_RANGE.sub("", engines).strip()[:MAX_NAME_CHARACTERS] or None
    for path in _VERSION_FILES:
        match = _VERSION.match(files.text(path).strip())
        if match:
            return match[1]
    return None
