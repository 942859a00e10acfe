"""From a snapshot to what is known of a JavaScript or TypeScript project."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.languages.base import Overrides
from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles, table
from sandbox.languages.javascript.detection.project import JavaScriptProject, TestedPackage
from sandbox.languages.javascript.detection.test_command import BROWSER, find_tests
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
_NEED_BROWSER = frozenset(("karma", "playwright", "cypress", "wtr", "web-test-runner", BROWSER))
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
    if choice.other:
        return f"its tests are run by {choice.other}, which cannot be run here yet"
    if choice.framework is not None:
        return f"no file is a test of {choice.framework} by its name"
    return "" if overrides.test else _without_command(files, package)


def _without_command(files: PackageFiles, package: Mapping[str, Any]) -> str:
    """Why no command is known that runs the tests; empty where there is no package at all."""
    if files.notes:
        return files.notes[0]
    script = table(package, "scripts").get("test")
    if isinstance(script, str) and script.isprintable() and script.strip():
        shown = script.strip()[:MAX_NAME_CHARACTERS]
        return f"its script `test` ({shown}) starts no runner of tests that is known"
    if files.exists(PACKAGE_FILE):
        return "its package.json has no script `test` that can be read"
    folders = [path.removesuffix(f"/{PACKAGE_FILE}") for path in files.paths if _is_below(path)]
    shown = " or ".join(f"its folder {folder[:MAX_NAME_CHARACTERS]}" for folder in folders[:3])
    return f"there is no package.json at its top: give {shown} as the target" if folders else ""


def _is_below(path: str) -> bool:
    """Whether a path is that of a package.json of the repository, below its top."""
    is_own = path.isprintable() and "node_modules/" not in path
    return is_own and path.endswith(f"/{PACKAGE_FILE}")


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
    tests = tested[0].tests
    if tests.places and not tests.files and not tests.given:
        notes.append(
            f"no file of the repository is a test in {', '.join(tests.places)[:200]}: what a build "
            "makes would see no patch; name a command that loads the sources, such as --test "
            '"mocha --import=tsx test"'
        )
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
