"""Which packages a project's tests need besides the project itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.packaging.dependency_groups import dependency_groups
from sandbox.languages.python.detection.packaging.imported_packages import (
    TEST_LIBRARIES,
    imported_by,
    name_of,
    own_modules,
    provides,
)
from sandbox.languages.python.detection.packaging.metadata import Metadata, own_extras
from sandbox.languages.python.detection.packaging.requirement_files import (
    MAIN,
    file_lines,
    requirement_files,
)
from sandbox.languages.python.detection.packaging.roles import (
    DEVELOPERS,
    for_tests,
    holds_pytest,
    is_for_linters,
    is_installer,
    is_tool,
    normal_name,
)
from sandbox.languages.python.detection.packaging.setup_py import nox_calls
from sandbox.languages.python.detection.tox.needs import tox_needs

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The requirements that a project's tests need to be installed.

    Every requirement is a valid PEP 508 string.
    """

    extras: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    """For the tests: dependency groups, tox and nox, `tests_require`."""
    main_files: tuple[str, ...] = ()
    """Requirements files of the project itself."""
    test_files: tuple[str, ...] = ()
    lock_files: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def find_needs(files: ConfigFiles, metadata: Metadata, test_paths: Iterable[str] = ()) -> Needs:
    """Collect what the tests need: sources named for tests come before those that hold pytest, and
    those before what is named for developers; then what the tests import and nothing brings yet.
    """
    groups = dependency_groups(files)
    if nox_requirements := _from_nox(files):
        groups["nox tests"] = nox_requirements
    roles = requirement_files(files)
    tox = tox_needs(files)
    choice = _Chosen(metadata, files)
    test_imports = imported_by(files, test_paths) - own_modules(files)
    choice.take_extras(filter(for_tests, metadata.extras))
    for name in _not_for_linters(tox.extras, metadata):
        choice.take_extra(name, test_imports)
    choice.take((*metadata.tests_require, *_without_installers(tox.requirements, test_imports)))
    for name in groups:
        if for_tests(name) or name in tox.groups:
            choice.take(groups[name])
    choice.test_files |= {path for path, role in roles.items() if for_tests(role)} | tox.files
    has_extras = choice.extras or choice.extras_in_part
    if not has_extras and not choice.test_files and not any(map(for_tests, groups)):
        _take_for_developers(choice, groups, roles, test_imports)
    main = {path for path, role in roles.items() if role in MAIN} - choice.test_files
    main -= set(choice.files_in_part)
    if metadata.source is not None and holds_pytest(choice.all(())):
        main = set(_needed(main, test_imports, choice))
    _take_imported(choice, groups, main, test_imports)
    main -= choice.test_files
    return Needs(
        extras=tuple(sorted(choice.extras)),
        requirements=tuple(_valid(choice.requirements, metadata.name)),
        main_files=tuple(sorted(main)),
        test_files=tuple(sorted(choice.test_files)),
        lock_files=tuple(name for name in LOCK_FILES if files.exists(name)),
        why=tuple(_explain(choice, main)),
    )


def _not_for_linters(extras: Iterable[str], metadata: Metadata) -> Iterator[str]:
    """tox may run linters together with the tests."""
    for name in extras:
        requirements = metadata.extras.get(name, ())
        if not requirements or not all(map(is_for_linters, requirements)):
            yield name


def _without_installers(requirements: Iterable[str], imported: Collection[str]) -> Iterator[str]:
    """tox may be given one for the commands that it runs before the tests."""
    return (r for r in requirements if not is_installer(r) or provides(r, imported))


class _Chosen:
    """What was chosen so far."""

    def __init__(self, metadata: Metadata, files: ConfigFiles) -> None:
        self.metadata = metadata
        self.extras: set[str] = set()
        self.requirements: list[str] = []
        self.test_files: set[str] = set()
        self.imported: list[str] = []
        """Sentences on what was chosen for an import."""
        self.files_in_part: list[str] = []
        """Requirements files for developers, taken without their tools."""
        self.extras_in_part: set[str] = set()
        """Likewise."""
        self.files = files
        self._spelled = {normal_name(name): name for name in metadata.extras}

    def take_extras(self, names: Iterable[str]) -> None:
        """The extras of these names that there are, and those that they name in turn."""
        for name in names:
            extra = self._spelled.get(normal_name(name))
            if extra is not None and extra not in self.extras:
                self.extras.add(extra)
                for requirement in self.metadata.extras[extra]:
                    self.take_extras(own_extras(requirement, self.metadata.name))

    def take_extra(self, name: str, imported: Collection[str]) -> None:
        """An extra that is not named for tests; one for developers without its tools."""
        extra = self._spelled.get(normal_name(name), name)
        requirements = self.metadata.extras.get(extra, ())
        if normal_name(name) in DEVELOPERS and any(map(is_tool, requirements)):
            self.take(_without_tools(requirements, imported))
            self.extras_in_part.add(extra)
        else:
            self.take_extras([extra])

    def take(self, requirements: Iterable[str]) -> None:
        for requirement in requirements:
            extras = own_extras(requirement, self.metadata.name)
            if extras:
                self.take_extras(extras)
            elif requirement.startswith("-r"):
                path = PurePosixPath(requirement[2:].strip()).as_posix()
                self.test_files |= {path} if self.files.exists(path) else set()
            else:
                self.requirements.append(requirement)

    def all(self, main_files: Iterable[str]) -> Iterator[str]:
        """Every requirement that is installed in the end."""
        yield from (*self.metadata.dependencies, *self.requirements)
        for name in self.extras:
            yield from self.metadata.extras[name]
        for path in (*self.test_files, *main_files):
            yield from self.files.text(path).splitlines()


def _take_for_developers(
    chosen: _Chosen,
    groups: Mapping[str, list[str]],
    roles: Mapping[str, str],
    imported: Collection[str],
) -> None:
    """Lists of other names: one that holds pytest is for the tests, else those of developers."""
    group_names = [name for name, group in groups.items() if holds_pytest(group)]
    extras = [name for name, extra in chosen.metadata.extras.items() if holds_pytest(extra)]
    if not group_names and not extras:
        group_names = [name for name in groups if normal_name(name) in DEVELOPERS]
        extras = [name for name in chosen.metadata.extras if normal_name(name) in DEVELOPERS]
    for name in extras:
        chosen.take_extra(name, imported)
    for name in group_names:
        chosen.take(_without_tools(groups[name], imported))
    for path, role in roles.items():
        # A package names what it needs itself elsewhere: its general file is for developers.
        is_general = role in MAIN and chosen.metadata.source is not None
        if role not in DEVELOPERS and not is_general:
            continue
        requirements = file_lines(path, chosen.files.text(path))
        if requirements and any(map(is_tool, requirements)):
            chosen.take(_without_tools(requirements, imported))
            chosen.files_in_part.append(path)
        elif not is_general:
            chosen.test_files.add(path)


def _without_tools(requirements: Iterable[str], imported: Collection[str]) -> Iterator[str]:
    """What of a list for developers the tests may need: with the tools that they import, and those
    that something else of it is for, as `pytest-mypy-plugins` is for the version of mypy there."""
    all_of_it = list(requirements)
    others = [r for r in all_of_it if not is_tool(r) or provides(r, imported)]
    words = {word for r in others for word in name_of(r).split("-")}
    return (r for r in all_of_it if r in others or name_of(r) in words)


def _needed(main: Collection[str], imported: Collection[str], chosen: _Chosen) -> Iterator[str]:
    """The general requirements files of a package that the tests need. It brings what it depends
    on, and something else names pytest: such a file is mostly for developers."""
    missing_modules = set(imported) - _provided(chosen.all(()), imported)
    for path in main:
        if _provided(chosen.files.text(path).splitlines(), missing_modules):
            yield path


def _take_imported(
    chosen: _Chosen,
    groups: Mapping[str, list[str]],
    main: Collection[str],
    imported: Collection[str],
) -> None:
    """What the tests import and nothing brings yet: of the extra or group that names it."""
    missing_modules = set(imported) - _provided(chosen.all(main), imported)
    lists = [(name, extra, True) for name, extra in chosen.metadata.extras.items()]
    lists += [(name, tuple(group), False) for name, group in groups.items()]
    for name, requirements, is_extra in sorted(lists, key=lambda entry: len(entry[1])):
        modules = _provided(requirements, missing_modules)
        if modules and is_extra:
            chosen.take_extras([name])
        elif modules:
            chosen.take(_without_tools(requirements, missing_modules))
        if modules:
            kind = "extra" if is_extra else "group"
            chosen.imported.append(f"the tests import {', '.join(sorted(modules))}: {kind} {name}")
        missing_modules -= modules
    for library in sorted(TEST_LIBRARIES):
        if modules := provides(library, missing_modules):
            chosen.take([library])
            chosen.imported.append(f"the tests import {', '.join(modules)}, which is named nowhere")


def _provided(requirements: Iterable[str], modules: Collection[str]) -> frozenset[str]:
    lines = (requirement.partition(" #")[0].strip() for requirement in requirements)
    return frozenset(module for line in lines for module in provides(line, modules))


def _explain(chosen: _Chosen, main_files: set[str]) -> Iterator[str]:
    if chosen.extras:
        yield f"the extras {', '.join(sorted(chosen.extras))} are for its tests"
    if chosen.requirements:
        yield f"its configuration names {len(chosen.requirements)} packages for its tests"
    if chosen.test_files | main_files:
        yield f"requirements are read from {', '.join(sorted(chosen.test_files | main_files))}"
    for name in sorted(chosen.extras_in_part):
        yield f"the extra {name} is for its tests, without tools for developers"
    for path in sorted(chosen.files_in_part):
        yield f"requirements are read from {path}, without tools for developers"
    yield from chosen.imported


def _from_nox(files: ConfigFiles) -> list[str]:
    """What its sessions install, without options."""
    texts, _ = nox_calls(files.syntax("noxfile.py"))
    successors = dict(pairwise(texts))
    named_files = {successors.get(text, "") for text in texts if text in ("-r", "--requirement")}
    return [
        *(text for text in texts if not text.startswith("-") and text not in named_files),
        *(f"-r {path}" for path in sorted(named_files) if path),
    ]


def _valid(requirements: list[str], own_name: str | None) -> Iterator[str]:
    """Yield what pip will read as a requirement and nothing else, once each."""
    for text in dict.fromkeys(requirements):
        try:
            name = Requirement(text).name
        except (InvalidRequirement, RecursionError):
            continue
        if not own_name or canonicalize_name(name) != canonicalize_name(own_name):
            yield text
