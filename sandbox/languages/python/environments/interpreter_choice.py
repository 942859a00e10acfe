"""Which Python a project's tests run on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.specifiers import SpecifierSet

from sandbox.base import Interpreter
from sandbox.environments.interpreters import ask
from sandbox.errors import PythonNotFound
from sandbox.languages.python.detection.project import PythonProject

_NEWEST_PREFERRED = (3, 13)
"""Newer ones are taken only when nothing else fits: many packages are not built for them yet."""
_OLDEST_USABLE = (3, 8)


def choose_interpreter(
    project: PythonProject, available: Sequence[Interpreter], *, on_host: bool
) -> tuple[Interpreter, str]:
    """Return the interpreter and why. Raises PythonNotFound.

    `available` is newest first; `on_host` says whether a path of this machine means the same
    inside the sandbox.
    """
    usable = _usable(project, available)
    if project.python is not None:
        return _asked_for(project.python, usable, on_host), f"{project.python} was asked for"
    candidates = fitting_interpreters(project, available)
    if not candidates:
        raise PythonNotFound(
            f"{project.name} needs Python {project.requires_python or ''}; found here: "
            f"{_listed(usable)}. Install one, or name another with --python"
        )
    if project.python_hint is not None:
        matches = _same_version(project.python_hint, candidates)
        if matches:
            return matches[0], f".python-version says {project.python_hint}"
    return _preferred(project, candidates)


def fitting_interpreters(
    project: PythonProject, available: Sequence[Interpreter]
) -> list[Interpreter]:
    """Return those that the project says it works on, newest first."""
    usable = _usable(project, available)
    return [python for python in usable if _satisfies(python, project.requires_python)]


def _usable(project: PythonProject, available: Sequence[Interpreter]) -> list[Interpreter]:
    """Where something is compiled, or git has to answer, those with a compiler go first within each
    version: the images that have none have no git either."""
    usable = [interpreter for interpreter in available if interpreter.version >= _OLDEST_USABLE]
    needs_compiler = project.extensions is not None or project.build.needs_git
    if not needs_compiler:
        return usable
    return sorted(usable, key=lambda one: (one.version[:2], one.compiler), reverse=True)


def _asked_for(request: str, usable: Sequence[Interpreter], on_host: bool) -> Interpreter:
    if "/" in request:
        matches = [interpreter for interpreter in usable if interpreter.path == request]
        probed_interpreter = ask(str(Path(request).expanduser().absolute())) if on_host else None
        if matches or probed_interpreter:
            return matches[0] if matches else probed_interpreter.public()  # type: ignore[union-attr]
        raise PythonNotFound(f"{request} is not a Python 3.8 or newer that runs in this sandbox")
    same_versions = _same_version(request.removeprefix("python"), usable)
    if not same_versions:
        raise PythonNotFound(f"Python {request} is not here; found: {_listed(usable)}")
    return same_versions[0]


def _same_version(version: str, usable: Sequence[Interpreter]) -> list[Interpreter]:
    parts = tuple(version.strip().split("."))
    return [
        interpreter
        for interpreter in usable
        if tuple(map(str, interpreter.version))[: len(parts)] == parts
    ]


def _satisfies(interpreter: Interpreter, requires: str | None) -> bool:
    version = ".".join(map(str, interpreter.version))
    return requires is None or SpecifierSet(requires).contains(version, prereleases=True)


def _preferred(project: PythonProject, fitting: Sequence[Interpreter]) -> tuple[Interpreter, str]:
    tame = [interpreter for interpreter in fitting if interpreter.version[:2] <= _NEWEST_PREFERRED]
    candidates = tame or list(reversed(fitting))
    sources = _tested_on(project)
    for source, versions in sources.items():
        matches = [python for python in candidates if python.version[:2] in versions]
        if matches:
            return matches[0], f"the newest that its {source} list"
    newest = max((versions[-1] for versions in sources.values()), default=None)
    newer = [python for python in candidates if newest is not None and python.version[:2] > newest]
    if newer:
        source = next(name for name, versions in sources.items() if versions[-1] == newest)
        return newer[-1], f"the oldest here that is newer than those its {source} list"
    return candidates[0], "the newest that its packages are likely built for"


def _tested_on(project: PythonProject) -> dict[str, tuple[tuple[int, int], ...]]:
    """Who says on which versions it works → minor versions, ascending."""
    sources = {"classifiers": project.metadata.python_versions}
    for name, versions in project.tested_pythons.items():
        numbers = (version.split(".") for version in versions)
        sources[f"{name} settings"] = tuple((int(major), int(minor)) for major, minor in numbers)
    return {name: versions for name, versions in sources.items() if versions}


def _listed(usable: Sequence[Interpreter]) -> str:
    return ", ".join(".".join(map(str, interpreter.version)) for interpreter in usable) or "none"
