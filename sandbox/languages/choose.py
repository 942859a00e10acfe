"""Which language a project is in, and what answers for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from sandbox.languages.base import Language, Overrides
from sandbox.languages.go.detection.detect import understand as understand_go
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.go.language import Go
from sandbox.languages.javascript.detection.command_line import commands_in
from sandbox.languages.javascript.detection.detect import understand as understand_javascript
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.language import JavaScript
from sandbox.languages.python.detection.detect import understand as understand_python
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.language import Python
from sandbox.languages.rust.detection.detect import understand as understand_rust
from sandbox.languages.rust.detection.project import RustProject
from sandbox.languages.rust.language import Rust
from sandbox.runners.test_ids import named_file
from sandbox.snapshots.snapshot import Snapshot

AnyProject: TypeAlias = PythonProject | JavaScriptProject | GoProject | RustProject
"""What a run's record can hold: a union that is told apart by its fields."""

LANGUAGES: Mapping[type, Language[Any]] = {
    PythonProject: Python(),
    JavaScriptProject: JavaScript(),
    GoProject: Go(),
    RustProject: Rust(),
}
_Understand: TypeAlias = Callable[[Snapshot, Overrides], AnyProject | None]
_OTHERS: tuple[_Understand, ...] = (understand_javascript, understand_go, understand_rust)
"""Beside Python, the first first."""
_COMMANDS = {
    "Python": "pytest",
    "JavaScript": "npm test",
    "Go": "go test ./...",
    "Rust": "cargo test",
}
_OF_PYTHON = re.compile(
    r"py\.?test|python[\d.]*|tox|nox|nose2|trial|stestr|coverage|uvx?|poetry|pdm|hatch|pipenv"
)


def understand(snapshot: Snapshot, overrides: Overrides | None = None) -> AnyProject:
    """The project as its files describe it. Tests in Python come first; where there are none, those
    in JavaScript, then those in Go, then those in Rust. A command that a person gave decides by
    what it starts, Python's runners first; else tests that are named (`only`), or a patch
    (`changed`), by the files that they lie in.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    python = understand_python(snapshot, overrides)
    if overrides.test:
        if python.runner is not RunnerKind.COMMAND or _starts_python(overrides.test):
            return python
        candidates = (of(snapshot, overrides) for of in _OTHERS)
        return next((project for project in candidates if project is not None), python)
    projects = [python, *(of(snapshot, overrides) for of in _OTHERS)]
    tested = [project for project in projects if project is not None and project.has_tests]
    files = [named_file(test_id) for test_id in overrides.only] or [
        path for path in overrides.changed if any(one.is_source_path(path) for one in tested)
    ]
    named = [project for project in tested if files and all(map(project.is_source_path, files))]
    if named:
        return named[0]
    return _with_others(tested) if tested else python


def _with_others(tested: Sequence[AnyProject]) -> AnyProject:
    """The first, and a note of the languages of the others."""
    first, *others = tested
    if not others:
        return first
    names = [language_of(other).name for other in others]
    note = (
        f"there are tests in {' and in '.join(names)}, too: those in {language_of(first).name} are "
        f'run; --test "{_COMMANDS[names[0]]}" runs those in {names[0]}'
    )
    return replace(first, notes=(*first.notes, note))


def _starts_python(command: str) -> bool:
    """Whether a command starts tests of Python as well: `pytest && npm test`."""
    return any(_OF_PYTHON.fullmatch(part.program) for part in commands_in(command, {}))


def language_of(project: AnyProject) -> Language[Any]:
    """What answers for the language of a project."""
    return LANGUAGES[type(project)]
