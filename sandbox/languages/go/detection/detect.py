"""From a snapshot to what is known of a Go project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from sandbox.languages.base import Overrides
from sandbox.languages.go.detection.module_files import (
    VENDORED,
    WORKSPACE_FILE,
    ModuleFile,
    is_left_out,
    module_files,
    tested_modules,
)
from sandbox.languages.go.detection.project import TEST_SUFFIX, GoProject, GoTests
from sandbox.languages.go.detection.test_command import GoTestCommand, go_test_command
from sandbox.snapshots.snapshot import Snapshot

MAX_NAME_CHARACTERS = 100
_NAME = re.compile(rf"[\w@./~+-]{{1,{MAX_NAME_CHARACTERS}}}", re.ASCII)


def understand(snapshot: Snapshot, overrides: Overrides | None = None) -> GoProject | None:
    """Find how the project is installed and tested; what the user gives wins. None where it has no
    go.mod, or where the command that was given runs no `go test`.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    files = module_files(snapshot)
    modules = [file for file in files if file.path != WORKSPACE_FILE]
    command = go_test_command(overrides.test) if overrides.test else GoTestCommand()
    if not modules or command is None:
        return None
    tests = sorted(_tests(snapshot, modules, command))
    name = modules[0].module
    needed = [*tested_modules(files, tests), *(f for f in files if f.path == WORKSPACE_FILE)]
    return GoProject(
        name=name if _NAME.fullmatch(name) else snapshot.name,
        tests=GoTests(options=command.options, files=tuple(tests), given=bool(overrides.test)),
        modules={file.folder: file.module for file in modules},
        go_version=max((file.go for file in needed if file.go), default=None),
        install=overrides.install,
        variables=dict(overrides.env),
        why=(_why_tests(modules, overrides), _why_install(snapshot, files, overrides)),
        notes=tuple(_notes(snapshot, modules, overrides)),
    )


def _tests(
    snapshot: Snapshot, modules: Sequence[ModuleFile], command: GoTestCommand
) -> Iterator[str]:
    """Files with tests, in modules, as `./...` finds them or the command names their folders."""
    for path, entry in snapshot.entries.items():
        if path.endswith(TEST_SUFFIX) and entry.kind == "file" and not is_left_out(path):
            folder = posixpath.dirname(path)
            if _module_of(folder, modules) is not None and command.covers(folder):
                yield path


def _module_of(folder: str, modules: Sequence[ModuleFile]) -> ModuleFile | None:
    """The module that a folder lies in: the one furthest down."""
    around = [m for m in modules if not m.folder or f"{folder}/".startswith(f"{m.folder}/")]
    return max(around, key=lambda module: len(module.folder), default=None)


def _why_tests(modules: Sequence[ModuleFile], overrides: Overrides) -> str:
    if overrides.test:
        return f"tests run by go test: the command given, {overrides.test}"
    count = f" and {len(modules) - 1} more" if len(modules) > 1 else ""
    return f"tests run by go test: there is {modules[0].path}{count}"


def _why_install(snapshot: Snapshot, files: Sequence[ModuleFile], overrides: Overrides) -> str:
    if overrides.install:
        return f"installed by the command given: {overrides.install}"
    if not any(file.requires for file in files):
        return "go.mod names no dependency"
    if VENDORED in snapshot.entries:
        return "its dependencies lie in vendor/"
    return "its dependencies are installed by go mod download"


def _notes(
    snapshot: Snapshot, modules: Sequence[ModuleFile], overrides: Overrides
) -> Iterator[str]:
    if overrides.python:
        yield "the Python that was asked for is not used: the tests are Go's"
    outside = sum(
        path.endswith(TEST_SUFFIX)
        and not is_left_out(path)
        and _module_of(posixpath.dirname(path), modules) is None
        for path in snapshot.entries
    )
    if outside:
        yield f"{outside} test files lie in no module and are not run: no go.mod stands above them"
