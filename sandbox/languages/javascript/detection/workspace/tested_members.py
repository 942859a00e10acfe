"""Which packages of a workspace are tested where its top runs no tests itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from sandbox.languages.base import Overrides
from sandbox.languages.javascript.detection.command_line import commands_in
from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles, table
from sandbox.languages.javascript.detection.project import JavaScriptTests, TestedPackage
from sandbox.languages.javascript.detection.test_command import find_tests
from sandbox.languages.javascript.detection.workspace.delegation import Delegation, delegation
from sandbox.languages.javascript.detection.workspace.members import member_folders
from sandbox.runners.test_ids import named_file

MAX_TESTED = 12
"""More packages are not run together unless a person says so: each starts programs of its own."""
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class TestedMembers:
    """The packages, or the sentence that says why there are none."""

    packages: tuple[TestedPackage, ...] = ()
    notes: tuple[str, ...] = ()
    objection: str = ""
    name: str = ""
    """Of the package, where it is one."""


def tested_members(
    files: PackageFiles, package: Mapping[str, Any], overrides: Overrides
) -> TestedMembers:
    """The packages of a workspace that have tests: those that the command given names, else those
    that the named tests lie in, else all, as far as they are few."""
    folders = member_folders(files)
    scripts = {n: text for n, text in table(package, "scripts").items() if isinstance(text, str)}
    by_command = _delegations(overrides.test or scripts.get("test", ""), scripts)
    if overrides.test and not by_command:
        return TestedMembers()
    asked = next((one for one in by_command if "test" in one.script), Delegation())
    members = [PackageFiles(files.snapshot, files.notes, folder) for folder in folders]
    if asked.names:
        members = [member for member in members if _is_named(member, asked.names)]
    if around := _around(overrides.only, folders):
        members = [member for member in members if member.folder in around]
    packages, notes = _tested(members, asked.script)
    if overrides.test:
        packages = [replace(p, tests=replace(p.tests, given=True)) for p in packages]
    elif len(packages) > MAX_TESTED:
        return TestedMembers(objection=_too_many(packages))
    name = members[0].json(PACKAGE_FILE).get("name") if len(members) == 1 else ""
    return TestedMembers(
        packages=tuple(packages), notes=tuple(notes), name=name if isinstance(name, str) else ""
    )


def _delegations(script: str, scripts: Mapping[str, str]) -> list[Delegation]:
    commands = commands_in(script, scripts)
    found = (delegation(command.program, command.arguments) for command in commands)
    return [one for one in found if one is not None]


def _is_named(member: PackageFiles, names: Sequence[str]) -> bool:
    own_name = str(member.json(PACKAGE_FILE).get("name", ""))
    return any(
        fnmatchcase(own_name, name)
        or fnmatchcase(member.folder, posixpath.normpath(name))
        or own_name.rpartition("/")[2] == name
        for name in names
    )


def _around(tests: Sequence[str], folders: Sequence[str]) -> frozenset[str]:
    """The innermost packages that the files of these tests lie in."""
    paths = [posixpath.normpath(named_file(test_id)) for test_id in tests]
    holders = ([f for f in folders if path.startswith(f"{f}/")] for path in paths)
    return frozenset(max(group, key=len) for group in holders if group)


def _tested(members: Sequence[PackageFiles], script: str) -> tuple[list[TestedPackage], list[str]]:
    packages, notes = [], []
    for member in members:
        choice = find_tests(member, member.json(PACKAGE_FILE), None, script)
        if choice.framework is not None:
            tests = _from_top(member, choice.tests)
            packages.append(
                TestedPackage(framework=choice.framework, tests=tests, folder=member.folder)
            )
        elif choice.other:
            notes.append(f"{member.folder}: {choice.other} cannot be run here yet: no tests of it")
    return [p for p in packages if p.tests.files or p.tests.places], notes


def _from_top(member: PackageFiles, tests: JavaScriptTests) -> JavaScriptTests:
    return replace(
        tests,
        files=tuple(map(member.from_top, tests.files)),
        setup=tuple(map(member.from_top, tests.setup)),
    )


def _too_many(packages: Sequence[TestedPackage]) -> str:
    shown = ", ".join(_shown(packages))
    return (
        f"{len(packages)} packages of its workspace have tests ({shown}), and no more than "
        f"{MAX_TESTED} are run together: name a failing test with --only, or the package with "
        f'--test "npm test --workspace {packages[0].folder}"; --test "npm test --workspaces" runs '
        "all of them"
    )


def _shown(packages: Sequence[TestedPackage]) -> Iterator[str]:
    yield from (package.folder for package in packages[:_SHOWN])
    if len(packages) > _SHOWN:
        yield "…"
