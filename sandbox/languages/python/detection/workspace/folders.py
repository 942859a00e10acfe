"""Folders below the top of a repository that hold packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, table, words
from sandbox.languages.python.detection.project import PythonProject
from sandbox.snapshots.tarball import parents

MAX_DEPTH = 3
"""Folders down to a package that no file declares."""
_MAX_PATTERN_CHARACTERS = 300
_PACKAGING = ("pyproject.toml", "setup.py")
_NO_PACKAGES = re.compile(
    r"tests?|testing|fixtures?|data|examples?|samples?|demos?|docs?|templates?|vendor|vendored"
    r"|third_party|node_modules|bench.*|cookiecutter.*|\{\{.*|\..*"
)
_LOCAL = re.compile(r"file:///?\$\{PROJECT_ROOT\}/([\w./-]+)")


def _folders(files: ConfigFiles) -> list[str]:
    return sorted({parent for path in files.snapshot.entries for parent in parents(path)})


def workspace_folders(files: ConfigFiles) -> Iterator[str]:
    """Folders that uv, rye and hatch are told belong to this project."""
    tool = table(files.toml("pyproject.toml"), "tool")
    folders = _folders(files)
    for place in ("uv", "rye"):
        workspace = table(tool, place, "workspace")
        yield from _matching(folders, workspace.get("members"), workspace.get("exclude"))
    hatch = [table(tool, "hatch"), *table(tool, "hatch", "envs").values()]
    for environment in hatch:
        yield from _matching(folders, table(environment, "workspace").get("members"), None)


def named_folders(files: ConfigFiles) -> Iterator[str]:
    """Folders that uv, pdm and poetry are told to install a dependency from."""
    pyproject = files.toml("pyproject.toml")
    tool = table(pyproject, "tool")
    folders = _folders(files)
    for source in table(tool, "uv", "sources").values():
        yield from _matching(folders, [table(source).get("path")], None)
    groups = [table(pyproject, "dependency-groups"), table(tool, "pdm", "dev-dependencies")]
    for text in (text for group in groups for lines in group.values() for text in words(lines)):
        yield from _matching(folders, _LOCAL.findall(text), None)
    poetry = table(tool, "poetry")
    places = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    places += [table(group).get("dependencies") for group in table(poetry, "group").values()]
    for dependencies in places:
        for dependency in table(dependencies).values():
            yield from _matching(folders, [table(dependency).get("path")], None)


def _matching(folders: Sequence[str], patterns: Any, excluded: Any) -> Iterator[str]:
    inclusions, exclusions = list(_patterns(patterns)), list(_patterns(excluded))
    for folder in folders if inclusions else ():
        is_wanted = any(_glob(folder, pattern) for pattern in inclusions)
        if is_wanted and not any(_glob(folder, pattern) for pattern in exclusions):
            yield folder


def _patterns(items: Any) -> Iterator[str]:
    """Patterns as they are, or the `path` of hatch's tables."""
    for item in items if isinstance(items, list) else []:
        text = item.get("path") if isinstance(item, dict) else item
        if isinstance(text, str) and len(text) <= _MAX_PATTERN_CHARACTERS:
            yield PurePosixPath(text).as_posix()


def _glob(folder: str, pattern: str) -> bool:
    """A star does not cross a slash, two do."""
    if "**" in pattern:
        return fnmatchcase(folder, pattern.replace("**", "*"))
    return folder.count("/") == pattern.count("/") and fnmatchcase(folder, pattern)


def is_package(files: ConfigFiles, folder: str) -> bool:
    if files.exists(f"{folder}/setup.py"):
        return True
    pyproject = files.toml(f"{folder}/pyproject.toml")
    is_poetry = bool(table(pyproject, "tool", "poetry"))
    return is_poetry or "project" in pyproject or "build-system" in pyproject


def undeclared_folders(files: ConfigFiles, project: PythonProject) -> list[str]:
    """The outermost folders with packaging, where the top has none."""
    if project.installable:
        return []
    candidates = {
        folder
        for path in files.snapshot.entries
        if path.rpartition("/")[2] in _PACKAGING and (folder := path.rpartition("/")[0])
    }
    packages: list[str] = []
    for folder in sorted(candidates, key=outermost):
        parts = PurePosixPath(folder).parts
        inside = any(folder.startswith(f"{outer}/") for outer in packages)
        if len(parts) <= MAX_DEPTH and not inside and not is_side(folder):
            packages += [folder] if is_package(files, folder) else []
    return packages


def is_side(folder: str) -> bool:
    """An example, a fixture, documentation."""
    return any(map(_NO_PACKAGES.fullmatch, PurePosixPath(folder).parts))


def outermost(folder: str) -> tuple[int, str]:
    """Order folders from the top down."""
    return folder.count("/"), folder
