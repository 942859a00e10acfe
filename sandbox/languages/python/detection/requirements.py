"""Which packages a project's tests need besides the project itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, words
from sandbox.languages.python.detection.metadata import Metadata
from sandbox.languages.python.detection.poetry import poetry_requirements
from sandbox.languages.python.detection.setup_py import nox_calls

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements?(?:[-_.].*)?\.(?:txt|in|pip)", re.IGNORECASE)
_MAIN = frozenset(("", "base", "main", "common", "install", "core", "prod", "run", "requirements"))
_DEV = frozenset(("dev", "develop", "devel", "development", "all-dev"))
_TOOLS = re.compile(
    r"""black | build | bump2version | codecov | commitizen | coveralls | flake8.* | furo | ipython
    | isort | jupyter.* | mkdocs.* | mypy | nox | pip-tools | pre-commit | pylint | pyright | ruff
    | sphinx.* | towncrier | tox.* | twine""",
    re.VERBOSE,
)


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


def find_needs(files: ConfigFiles, metadata: Metadata) -> Needs:
    """Collect what the tests need; sources named for tests come before those for developers."""
    groups = _groups(files)
    roles = _requirement_files(files)
    tox_extras, tox_requirements, tox_files = _tox(files)
    extras = {*filter(_for_tests, metadata.extras), *(tox_extras & set(metadata.extras))}
    requirements = [*metadata.tests_require, *tox_requirements]
    for name in filter(_for_tests, groups):
        requirements += groups[name]
    test_files = {path for path, role in roles.items() if _for_tests(role)} | tox_files
    if not extras and not test_files and not any(map(_for_tests, groups)):
        extras = {name for name in metadata.extras if _normal(name) in _DEV}
        for name in (name for name in groups if _normal(name) in _DEV):
            requirements += [
                requirement for requirement in groups[name] if not _is_tool(requirement)
            ]
        test_files = {path for path, role in roles.items() if role in _DEV}
    main = {path for path, role in roles.items() if role in _MAIN} - test_files
    return Needs(
        extras=tuple(sorted(extras)),
        requirements=tuple(_valid(requirements, metadata.name)),
        main_files=tuple(sorted(main)),
        test_files=tuple(sorted(test_files)),
        lock_files=tuple(name for name in LOCK_FILES if files.exists(name)),
        why=tuple(_explain(extras, requirements, test_files | main)),
    )


def _explain(extras: set[str], requirements: list[str], files: set[str]) -> Iterator[str]:
    if extras:
        yield f"the extras {', '.join(sorted(extras))} are for its tests"
    if requirements:
        yield f"its configuration names {len(requirements)} packages for its tests"
    if files:
        yield f"requirements are read from {', '.join(sorted(files))}"


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def _for_tests(name: str) -> bool:
    normal = _normal(name)
    return "test" in normal or normal in ("ci", "unit")


def _is_tool(requirement: str) -> bool:
    match = re.match(r"[\w.-]+", requirement)
    return bool(match and _TOOLS.fullmatch(match[0].lower().replace("_", "-")))


def _valid(requirements: list[str], own_name: str | None) -> Iterator[str]:
    """Yield what pip will read as a requirement and nothing else, once each."""
    for text in dict.fromkeys(requirements):
        try:
            name = Requirement(text).name
        except (InvalidRequirement, RecursionError):
            continue
        if not own_name or canonicalize_name(name) != canonicalize_name(own_name):
            yield text


def _requirement_files(files: ConfigFiles) -> dict[str, str]:
    """Return requirements file → its role, `""` for the project's own."""
    roles: dict[str, str] = {}
    shallow = [path for path in files.snapshot.entries if path.count("/") < 2]
    for path in shallow:
        pure = PurePosixPath(path)
        role = _role(pure)
        if role is not None and files.exists(path) and pure.suffix != ".in":
            roles[path] = role
    sources = (p for p in shallow if p.endswith(".in") and files.exists(p))
    for path in sources:
        role = _role(PurePosixPath(path))
        if role is not None and path.removesuffix(".in") + ".txt" not in roles:
            roles[path] = role
    return roles


def _role(path: PurePosixPath) -> str | None:
    if _REQUIREMENTS.fullmatch(path.name):
        stem = re.sub(r"requirements?", "", path.stem.lower()).strip("-_.")
        folder = path.parent.name
        if folder and not _for_tests(folder) and folder != "requirements":
            return None
        return "tests" if folder and _for_tests(folder) else stem
    if path.parent.name == "requirements" and path.suffix in (".txt", ".in", ".pip"):
        return path.stem.lower()
    return None


def _groups(files: ConfigFiles) -> dict[str, list[str]]:
    """Return dependency group → requirements, of every tool that has such groups."""
    pyproject = files.toml("pyproject.toml")
    tool = table(pyproject, "tool")
    standard = table(pyproject, "dependency-groups")
    groups = {name: list(_resolve(name, standard, ())) for name in standard}
    for name, group in table(tool, "poetry", "group").items():
        groups.setdefault(name, []).extend(poetry_requirements(table(group, "dependencies")))
    legacy_group = table(tool, "poetry", "dev-dependencies")
    groups.setdefault("dev", []).extend(poetry_requirements(legacy_group))
    for name, group in table(tool, "pdm", "dev-dependencies").items():
        groups.setdefault(name, []).extend(words(group))
    groups["dev"].extend(words(table(tool, "uv").get("dev-dependencies")))
    for name, environment in table(tool, "hatch", "envs").items():
        role = "dev" if name == "default" else name
        lists = (table(environment).get(key) for key in ("dependencies", "extra-dependencies"))
        groups.setdefault(role, []).extend(
            requirement for value in lists for requirement in words(value)
        )
    nox_requirements, _ = nox_calls(files.syntax("noxfile.py"))
    groups["nox tests"] = [
        requirement for requirement in nox_requirements if not requirement.startswith(("-", "."))
    ]
    return {name: group for name, group in groups.items() if group}


def _resolve(name: str, groups: Table, above: tuple[str, ...]) -> Iterator[str]:
    """Follow `include-group` (PEP 735); a circle ends."""
    entries = groups.get(name)
    for entry in entries if isinstance(entries, list) else []:
        included = entry.get("include-group") if isinstance(entry, dict) else None
        if isinstance(entry, str):
            yield entry
        elif isinstance(included, str) and included not in (*above, name) and len(above) < 20:
            yield from _resolve(included, groups, (*above, name))


def _tox(files: ConfigFiles) -> tuple[set[str], list[str], set[str]]:
    """Return (extras, requirements, requirements files) of tox's main environment."""
    pyproject = files.toml("pyproject.toml")
    section: Mapping[str, Any] = files.ini("tox.ini").get("testenv", {})
    section = section or table(files.toml("tox.toml"), "env_run_base")
    section = section or table(pyproject, "tool", "tox", "env_run_base")
    extra_lines = words(section.get("extras"))
    extras = {extra for line in extra_lines for extra in re.split(r"[,\s]+", line) if extra}
    requirements: list[str] = []
    requirement_files: set[str] = set()
    for line in words(section.get("deps")):
        line = line.replace("{toxinidir}/", "").replace("{tox_root}/", "")
        if file := re.match(r"-r\s*([^{}]+)$", line):
            path = PurePosixPath(file[1].strip()).as_posix()
            requirement_files |= {path} if files.exists(path) else set()
        elif own_extras := re.match(r"(?:-e\s*)?\.\[([\w,\s.-]+)\]", line):
            extras |= {extra.strip() for extra in own_extras[1].split(",")}
        elif "{" not in line and not line.startswith("-"):
            requirements.append(line)
    return extras, requirements, requirement_files
