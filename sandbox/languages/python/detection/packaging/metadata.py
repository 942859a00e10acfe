"""What a project says about itself: name, Python, dependencies, extras."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.utils import canonicalize_name

from sandbox.languages.python.detection.config_files import (
    ConfigFiles,
    Table,
    table,
    text_or_none,
    words,
)
from sandbox.languages.python.detection.packaging.poetry import (
    poetry_requirements,
    poetry_specifier,
)
from sandbox.languages.python.detection.packaging.setup_py import setup_arguments

_OWN_EXTRAS = re.compile(r"([\w.-]+)\s*\[([^\]]*)\]")
_MINOR = re.compile(r"Programming Language :: Python :: (3)\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Declared by pyproject.toml (PEP 621, poetry, flit), setup.cfg or setup.py."""

    name: str | None = None
    requires_python: str | None = None
    classifiers: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tests_require: tuple[str, ...] = ()
    source: str | None = None
    """The file that makes it installable; None when pip has nothing to install."""

    @property
    def python_versions(self) -> tuple[tuple[int, int], ...]:
        """Minor versions listed in the classifiers, ascending."""
        matches = (_MINOR.match(classifier) for classifier in self.classifiers)
        return tuple(sorted({(int(match[1]), int(match[2])) for match in matches if match}))


def read_metadata(files: ConfigFiles) -> Metadata:
    """Merge the sources; the more modern one wins field by field."""
    pyproject = files.toml("pyproject.toml")
    sources = [_pep621(pyproject), _poetry(pyproject), _flit(pyproject)]
    sources.append(_setup_cfg(files.ini("setup.cfg")))
    sources.append(_setup_py(setup_arguments(files.syntax("setup.py"))))
    fields: dict[str, Any] = {}
    for source in sources:
        for name, value in vars(source).items():
            if value and not fields.get(name):
                fields[name] = value
    return _with_conditional(Metadata(**{**fields, "source": _installable(files, pyproject)}))


def own_extras(requirement: str, own_name: str | None) -> tuple[str, ...]:
    """Return the extras that a requirement asks of the project itself: `name[full]`, `.[full]`."""
    match = _OWN_EXTRAS.match(requirement.removeprefix("-e").strip())
    if match is None or (match[1] != "." and _one_spelling(match[1]) != _one_spelling(own_name)):
        return ()
    return tuple(extra.strip() for extra in match[2].split(",") if extra.strip())


def _one_spelling(name: str | None) -> str:
    return canonicalize_name(name) if name else ""


def _with_conditional(metadata: Metadata) -> Metadata:
    """Keys of setuptools such as `:python_version<"3.8"` and `tests:sys_platform=="win32"` are
    conditions, of the dependencies or of an extra."""
    dependencies, extras = list(metadata.dependencies), dict[str, tuple[str, ...]]()
    for key, requirements in metadata.extras.items():
        name, colon, condition = key.partition(":")
        new_requirements = _bounded(requirements, condition) if colon else requirements
        if name.strip():
            extras[name.strip()] = (*extras.get(name.strip(), ()), *new_requirements)
        else:
            dependencies += new_requirements
    return replace(metadata, dependencies=tuple(dependencies), extras=extras)


def _bounded(requirements: Sequence[str], condition: str) -> tuple[str, ...]:
    """The requirements with one more condition."""
    parts = (requirement.partition(";") for requirement in requirements)
    return tuple(
        f"{text.strip()}; ({marker.strip()}) and ({condition.strip()})"
        if marker.strip()
        else f"{text.strip()}; {condition.strip()}"
        for text, _, marker in parts
    )


def _installable(files: ConfigFiles, pyproject: Table) -> str | None:
    marker_keys = ("build-system",), ("project",), ("tool", "poetry", "name"), ("tool", "flit")
    for *parents, key in marker_keys:
        if key in table(pyproject, *parents):
            return "pyproject.toml"
    if files.exists("setup.py"):
        return "setup.py"
    return None


def _pep621(pyproject: Table) -> Metadata:
    project = table(pyproject, "project")
    extras = table(project, "optional-dependencies")
    return Metadata(
        name=text_or_none(project.get("name")),
        requires_python=text_or_none(project.get("requires-python")),
        classifiers=words(project.get("classifiers")),
        dependencies=words(project.get("dependencies")),
        extras={name: words(value) for name, value in extras.items()},
    )


def _poetry(pyproject: Table) -> Metadata:
    poetry = table(pyproject, "tool", "poetry")
    dependencies = table(poetry, "dependencies")
    python = dependencies.get("python")
    return Metadata(
        name=text_or_none(poetry.get("name")),
        requires_python=poetry_specifier(python) if isinstance(python, str) else None,
        classifiers=words(poetry.get("classifiers")),
        dependencies=tuple(poetry_requirements(dependencies)),
        extras={name: words(value) for name, value in table(poetry, "extras").items()},
    )


def _flit(pyproject: Table) -> Metadata:
    flit = table(pyproject, "tool", "flit", "metadata")
    extras = table(flit, "requires-extra")
    return Metadata(
        name=text_or_none(flit.get("dist-name")) or text_or_none(flit.get("module")),
        requires_python=text_or_none(flit.get("requires-python")),
        classifiers=words(flit.get("classifiers")),
        dependencies=words(flit.get("requires")),
        extras={name: words(value) for name, value in extras.items()},
    )


def _setup_cfg(sections: Mapping[str, Mapping[str, str]]) -> Metadata:
    options = sections.get("options", {})
    extras = sections.get("options.extras_require", {})
    return Metadata(
        name=text_or_none(sections.get("metadata", {}).get("name")),
        requires_python=text_or_none(options.get("python_requires")),
        classifiers=words(sections.get("metadata", {}).get("classifiers", "")),
        dependencies=words(options.get("install_requires", "")),
        extras={name: words(value) for name, value in extras.items()},
        tests_require=words(options.get("tests_require", "")),
    )


def _setup_py(arguments: Mapping[str, Any]) -> Metadata:
    extras = table(arguments, "extras_require")
    return Metadata(
        name=text_or_none(arguments.get("name")),
        requires_python=text_or_none(arguments.get("python_requires")),
        classifiers=words(arguments.get("classifiers")),
        dependencies=words(arguments.get("install_requires")),
        extras={name: words(value) for name, value in extras.items() if isinstance(name, str)},
        tests_require=words(arguments.get("tests_require")),
    )
