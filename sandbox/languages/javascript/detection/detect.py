"""From a snapshot to what is known of a JavaScript or TypeScript project."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.languages.base import Overrides
from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles, table
from sandbox.languages.javascript.detection.project import JavaScriptProject, TestedPackage
from sandbox.languages.javascript.detection.test_command import find_tests
from sandbox.languages.javascript.detection.workspace.members import is_workspace
from sandbox.languages.javascript.detection.workspace.tested_members import (
    TestedMembers,
    tested_members,
)
from sandbox.snapshots.snapshot import Snapshot

LOCK_FILES = (
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"),
    *("bun.lock", "bun.lockb"),
)
_NEED_BROWSER = frozenset(("karma", "playwright", "cypress", "wtr", "web-test-runner"))
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
    members = TestedMembers()
    if choice.framework is not None:
        tested = [TestedPackage(framework=choice.framework, tests=choice.tests)]
        why = f"tests run by {choice.framework}: {choice.why}"
    else:
        members = tested_members(files, package, overrides)
        tested = list(members.packages)
        why = _why_members(tested)
    if not tested:
        return None
    name = members.name or package.get("name")
    return JavaScriptProject(
        name=name if isinstance(name, str) and _NAME.fullmatch(name) else snapshot.name,
        framework=tested[0].framework,
        tests=tested[0].tests,
        folder=tested[0].folder,
        further=tuple(tested[1:]),
        node=_node_version(files, package),
        install=overrides.install,
        variables=dict(overrides.env),
        why=(why, _why_install(overrides, files, package)),
        notes=(*files.notes, *members.notes, *_notes(files, package, overrides, tested)),
    )


def why_untested(snapshot: Snapshot, overrides: Overrides) -> str:
    """Why no test of the project can be run here; empty where nothing more is known."""
    files = PackageFiles(snapshot)
    package = files.json(PACKAGE_FILE)
    choice = find_tests(files, package, overrides.test)
    members = tested_members(files, package, overrides)
    if members.objection or members.notes:
        return members.objection or members.notes[0]
    if choice.other in _NEED_BROWSER:
        return f"its tests are run by {choice.other} in a browser, which is not here"
    return (
        f"its tests are run by {choice.other}, which cannot be run here yet" if choice.other else ""
    )


def _why_members(tested: Sequence[TestedPackage]) -> str:
    runs = ", ".join(f"{package.folder} by {package.framework}" for package in tested)
    return f"tests of the workspace: {runs}"


def _why_install(overrides: Overrides, files: PackageFiles, package: Mapping[str, Any]) -> str:
    if overrides.install:
        return f"installed by the command given: {overrides.install}"
    names_any = table(package, "dependencies") or table(package, "devDependencies")
    if not names_any and not is_workspace(files):
        return "package.json names no dependency"
    for path, manager in (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")):
        if files.exists(path) and not str(package.get("packageManager", "")).startswith("npm@"):
            return f"installed as {path} says, by {manager}"
    has_lock = files.exists("package-lock.json") or files.exists("npm-shrinkwrap.json")
    return "installed by npm, as its lock file says" if has_lock else "installed by npm"


def _notes(
    files: PackageFiles,
    package: Mapping[str, Any],
    overrides: Overrides,
    tested: Sequence[TestedPackage],
) -> list[str]:
    notes = []
    if overrides.python:
        notes.append("the Python that was asked for is not used: the tests are JavaScript's")
    if "pretest" in table(package, "scripts"):
        notes.append("the script `pretest` is not run: tests of what it builds see no patch")
    if files.snapshot.prefix and not any(map(files.exists, LOCK_FILES)):
        notes.append(
            "it has no lock file of its own: where it is a package of a workspace, give the "
            'workspace\'s top as the target, with --test "npm test --workspace NAME"'
        )
    if is_workspace(files) and not tested[0].folder:
        notes.append(
            "the packages of its workspace are tested as far as the top's own command runs their "
            'tests; --test "npm test --workspace NAME" takes one with its own script'
        )
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
