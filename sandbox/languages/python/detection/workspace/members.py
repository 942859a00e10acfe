"""Packages below the top of a repository: members of a workspace, and those in plain folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.config_files import ConfigFiles, table
from sandbox.languages.python.detection.layout import top_level_modules
from sandbox.languages.python.detection.project import Member, PythonProject
from sandbox.languages.python.detection.testing.test_files import test_folders
from sandbox.languages.python.detection.tox.substitution import WORKSPACE
from sandbox.languages.python.detection.workspace.folders import (
    is_package,
    is_side,
    named_folders,
    outermost,
    undeclared_folders,
    workspace_folders,
)
from sandbox.languages.python.detection.workspace.member_tests import (
    with_tests_of_members,
    without_clashes,
)
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import parents

MAX_MEMBERS = 30
MAX_UNDECLARED = 12
"""More packages that no file calls a workspace are not installed together."""
_MAX_READ = 60
_SHOWN = 5


UnderstandFolder = Callable[[Snapshot, Overrides], PythonProject]


@dataclass(frozen=True)
class _Found:
    """A package below, understood as if it were a project by itself."""

    folder: str
    project: PythonProject


def below(snapshot: Snapshot, folder: str) -> Snapshot:
    """Return a view of the files below a folder, by their paths from there."""
    prefix = f"{folder}/"
    entries = {
        path.removeprefix(prefix): entry
        for path, entry in snapshot.entries.items()
        if path.startswith(prefix)
    }
    return replace(snapshot, entries=entries, name=PurePosixPath(folder).name)


def with_members(
    project: PythonProject,
    snapshot: Snapshot,
    overrides: Overrides,
    *,
    understand_folder: UnderstandFolder,
) -> PythonProject:
    """Add what the packages below need and where they are imported from.

    Those that the project's tools declare, as far as the top has tests of them or needs them, or
    all where the top is no package; others only in that case.
    """
    files = ConfigFiles(snapshot)
    named_packages = [folder for folder in named_folders(files) if is_package(files, folder)]
    workspace = [folder for folder in workspace_folders(files) if is_package(files, folder)]
    declared_folders = list(dict.fromkeys([*named_packages, *workspace]))
    folders = (declared_folders or undeclared_folders(files, project))[:_MAX_READ]
    members = [_Found(f, understand_folder(below(snapshot, f), Overrides())) for f in folders]
    if project.installable:
        members = _wanted(project, files, members, named_packages)
    if len(members) > (MAX_MEMBERS if declared_folders else MAX_UNDECLARED):
        project = replace(project, notes=(*project.notes, _offer(folders, together=False)))
    elif members:
        project = _merged(project, files, members, command=overrides.test)
    return without_clashes(project, files)


def _wanted(
    project: PythonProject, files: ConfigFiles, found: Sequence[_Found], named: Collection[str]
) -> list[_Found]:
    """Members that the top names, those with tests among its own, and what these depend on."""
    sources = table(files.toml("pyproject.toml"), "tool", "uv", "sources")
    names = {canonicalize_name(name) for name in sources} | set(_needed_by(project))
    tested_folders = {parent for path in project.tests.files for parent in parents(path)}
    members: list[_Found] = []
    candidates = list(found)
    while matches := [
        member
        for member in candidates
        if member.folder in named
        or canonicalize_name(member.project.name) in names
        or (member.folder in tested_folders and not is_side(member.folder))
    ]:
        members += matches
        candidates = [member for member in candidates if member not in matches]
        names |= {name for member in matches for name in _needed_by(member.project)}
    return sorted(members, key=lambda each: outermost(each.folder))


def _needed_by(project: PythonProject) -> Iterator[str]:
    extras = project.metadata.extras.values()
    requirements = [*project.metadata.dependencies, *project.needs.requirements]
    for text in (*requirements, *(text for group in extras for text in group)):
        if match := re.match(r"\s*([A-Za-z0-9][\w.-]*)", text):
            yield canonicalize_name(match[1])


def _merged(
    project: PythonProject, files: ConfigFiles, found: Sequence[_Found], command: str | None
) -> PythonProject:
    members = tuple(
        Member(folder=entry.folder, name=entry.project.name, extras=entry.project.needs.extras)
        for entry in found
    )
    roots = [_inside(entry.folder, root) for entry in found for root in entry.project.import_roots]
    tests = project.tests
    if command is None:
        tests = with_tests_of_members(files, tests, {f.folder: f.project.tests for f in found})
    import_roots = tuple(dict.fromkeys([*project.import_roots[:-1], *roots, *_top(project)]))
    python_files = files.snapshot.python_files()
    folders = [entry.folder for entry in found if entry.project.tests.files]
    return replace(
        project,
        members=members,
        import_roots=import_roots,
        modules=top_level_modules(python_files, import_roots),
        tests=tests,
        test_folders=test_folders(python_files, tests),
        needs=_needs(project, found, members),
        requires_python=project.requires_python or _requires_python(found),
        variables={**_variables(found), **project.variables},
        why=(*project.why, f"the packages in {_list(m.folder for m in members)} are installed too"),
        notes=(*project.notes, *([_offer(folders, together=True)] if folders else [])),
    )


def _top(project: PythonProject) -> tuple[str, ...]:
    return project.import_roots[-1:]


def _needs(project: PythonProject, found: Sequence[_Found], members: Sequence[Member]) -> Any:
    """What the project needs, and what its members do that is none of them."""
    own_names = {canonicalize_name(member.name) for member in members}
    requirements = list(project.needs.requirements)
    for entry in found:
        metadata, needs = entry.project.metadata, entry.project.needs
        requirements += [*metadata.dependencies, *needs.requirements]
        for extra in needs.extras:
            requirements += metadata.extras.get(extra, ())
    return replace(
        project.needs,
        requirements=tuple(dict.fromkeys(_others(requirements, own_names))),
        main_files=(*project.needs.main_files, *_paths(found, "main_files")),
        test_files=(*project.needs.test_files, *_paths(found, "test_files")),
    )


def _others(requirements: Sequence[str], own_names: Collection[str]) -> Iterator[str]:
    for text in requirements:
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, RecursionError):
            continue
        is_local = (requirement.url or "").startswith("file:")
        if canonicalize_name(requirement.name) not in own_names and not is_local:
            yield text


def _paths(found: Sequence[_Found], kind: str) -> Iterator[str]:
    for member in found:
        for path in getattr(member.project.needs, kind):
            yield f"{member.folder}/{path}"


def _requires_python(found: Sequence[_Found]) -> str | None:
    specifiers = dict.fromkeys(filter(None, (member.project.requires_python for member in found)))
    return ",".join(specifiers) or None


def _variables(found: Sequence[_Found]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for member in found:
        place = f"{WORKSPACE}/{member.folder}"
        for name, value in member.project.variables.items():
            variables.setdefault(name, value.replace(WORKSPACE, place))
    return variables


def _inside(folder: str, path: str) -> str:
    return PurePosixPath(folder, path).as_posix()


def _offer(folders: Sequence[str], *, together: bool) -> str:
    """One alone has its own configuration and its own current folder."""
    how = "run together here" if together else "are too many to be installed together"
    subject = "package" if len(folders) == 1 else "packages"
    verb = "has" if len(folders) == 1 else "have"
    return (
        f"the {subject} in {_list(folders)} {verb} tests of their own, which {how}; "
        f"`repair PATH/{folders[0]}` takes that one alone, by its own configuration"
    )


def _list(folders: Any) -> str:
    names = list(folders)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN))
