"""Which language a project is in, and what answers for it."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from sandbox.languages.base import Language, Overrides
from sandbox.languages.javascript.detection.command_line import commands_in
from sandbox.languages.javascript.detection.detect import understand as understand_javascript
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.language import JavaScript
from sandbox.languages.python.detection.detect import understand as understand_python
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.language import Python
from sandbox.snapshots.snapshot import Snapshot

AnyProject: TypeAlias = PythonProject | JavaScriptProject
"""What a run's record can hold: a union that is told apart by its fields."""

_PYTHON: Language[PythonProject] = Python()
_JAVASCRIPT: Language[JavaScriptProject] = JavaScript()
_OF_PYTHON = re.compile(
    r"py\.?test|python[\d.]*|tox|nox|nose2|trial|stestr|coverage|uvx?|poetry|pdm|hatch|pipenv"
)


def understand(snapshot: Snapshot, overrides: Overrides | None = None) -> AnyProject:
    """The project as its files describe it. Tests in Python come first; where there are none, those
    in JavaScript. A command that a person gave decides by what it starts, Python's runners first.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    python = understand_python(snapshot, overrides)
    if overrides.test:
        candidate = understand_javascript(snapshot, overrides)
        by_python = python.runner is not RunnerKind.COMMAND or _starts_python(overrides.test)
        return python if candidate is None or by_python else candidate
    if python.has_tests:
        return python
    javascript = understand_javascript(snapshot, overrides)
    return javascript if javascript is not None and javascript.has_tests else python


def _starts_python(command: str) -> bool:
    """Whether a command starts tests of Python as well: `pytest && npm test`."""
    return any(_OF_PYTHON.fullmatch(part.program) for part in commands_in(command, {}))


def language_of(project: AnyProject) -> Language[Any]:
    """What answers for the language of a project."""
    if isinstance(project, JavaScriptProject):
        return _JAVASCRIPT
    return _PYTHON
