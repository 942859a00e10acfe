"""Which language a project is in, and what answers for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
from sandbox.snapshots.snapshot import Snapshot

AnyProject: TypeAlias = PythonProject | JavaScriptProject | GoProject
"""What a run's record can hold: a union that is told apart by its fields."""

LANGUAGES: Mapping[type, Language[Any]] = {
    PythonProject: Python(),
    JavaScriptProject: JavaScript(),
    GoProject: Go(),
}
NAMES = tuple(language.name.lower() for language in LANGUAGES.values())
"""As people name them to choose one."""
_Understand: TypeAlias = Callable[[Snapshot, Overrides], AnyProject | None]
_OTHERS: Mapping[type, _Understand] = {
    JavaScriptProject: understand_javascript,
    GoProject: understand_go,
}
"""Beside Python, the first first."""
_OF_PYTHON = re.compile(
    r"py\.?test|python[\d.]*|tox|nox|nose2|trial|stestr|coverage|uvx?|poetry|pdm|hatch|pipenv"
)


def understand(
    snapshot: Snapshot, overrides: Overrides | None = None, language: str | None = None
) -> AnyProject:
    """The project as its files describe it, in the named language. Where none is named, tests in
    Python come first; where there are none, those in JavaScript, then those in Go. A command that a
    person gave decides by what it starts, Python's runners first.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    if language is not None:
        return _in(language, snapshot, overrides)
    python = understand_python(snapshot, overrides)
    if overrides.test:
        if python.runner is not RunnerKind.COMMAND or _starts_python(overrides.test):
            return python
        candidates = (of(snapshot, overrides) for of in _OTHERS.values())
        return next((project for project in candidates if project is not None), python)
    projects = [python, *(of(snapshot, overrides) for of in _OTHERS.values())]
    tested = [project for project in projects if project is not None and project.has_tests]
    return _with_others(tested) if tested else python


def _in(name: str, snapshot: Snapshot, overrides: Overrides) -> AnyProject:
    """The project in the language that a person named; in Python where it is in no other."""
    understand_named = next(
        (of for kind, of in _OTHERS.items() if LANGUAGES[kind].name.lower() == name),
        understand_python,
    )
    return understand_named(snapshot, overrides) or understand_python(snapshot, overrides)


def _with_others(tested: list[AnyProject]) -> AnyProject:
    """The first, and a note of the languages of the others."""
    first, *others = tested
    if not others:
        return first
    names = [language_of(other).name for other in others]
    note = (
        f"there are tests in {' and in '.join(names)}, too: those in {language_of(first).name} "
        f"are run; --language {names[0].lower()} runs the others"
    )
    return replace(first, notes=(*first.notes, note))


def _starts_python(command: str) -> bool:
    """Whether a command starts tests of Python as well: `pytest && npm test`."""
    return any(_OF_PYTHON.fullmatch(part.program) for part in commands_in(command, {}))


def language_of(project: AnyProject) -> Language[Any]:
    """What answers for the language of a project."""
    return LANGUAGES[type(project)]
