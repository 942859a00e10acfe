"""Where a project's packages are imported from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from sandbox.languages.python.detection.config_files import (
    ConfigFiles,
    Table,
    table,
    text_or_none,
    words,
)
from sandbox.languages.python.detection.packaging.setup_py import setup_arguments
from sandbox.snapshots.tarball import parents


def import_roots(
    files: ConfigFiles, python_path: Sequence[str] = ()
) -> tuple[tuple[str, ...], str]:
    """Return (folders to import from, `.` always among them; why).

    `python_path` are folders that the PYTHONPATH of the project's tests names.
    """
    folders = _folders(files)
    pyproject = files.toml("pyproject.toml")
    packaging_roots = [
        root for root in map(_normal, _declared(files, pyproject)) if root in folders
    ]
    extra = [root for root in map(_normal, _pytest_paths(files, pyproject)) if root in folders]
    extra += [root for root in python_path if root != "."]
    if packaging_roots:
        return _with_top([*packaging_roots, *extra]), "the packaging configuration names it"
    if _holds_packages(files, "src"):
        return _with_top(["src", *extra]), "src holds packages or modules and is none itself"
    below = _folder_of(files, text_or_none(table(pyproject, "project").get("name")))
    if below is not None:
        return _with_top([below, *extra]), f"the package of the project's name lies in {below}"
    return _with_top(extra), "the packages lie at the top"


def top_level_modules(python_files: Sequence[str], roots: Sequence[str]) -> frozenset[str]:
    """Return the names that can be imported from the roots: modules, packages, folders."""
    names = set()
    for root in roots:
        below = "" if root == "." else f"{root}/"
        relative_paths = (
            path.removeprefix(below) for path in python_files if path.startswith(below)
        )
        names |= {path.partition("/")[0].removesuffix(".py") for path in relative_paths}
    return frozenset(name for name in names if name.isidentifier())


def _with_top(roots: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*roots, "."]))


def _folders(files: ConfigFiles) -> set[str]:
    return {parent for path in files.snapshot.entries for parent in parents(path)}


def _folder_of(files: ConfigFiles, name: str | None) -> str | None:
    """The one folder of the top that holds the package of the project's name; None where that
    lies at the top itself."""
    package = re.sub(r"[-.]", "_", name or "").lower()
    places = [
        path.split("/")[0]
        for path in files.snapshot.entries
        if path.lower() == f"{path.split('/')[0].lower()}/{package}/__init__.py"
    ]
    return places[0] if len(places) == 1 and not files.exists(f"{package}/__init__.py") else None


def _normal(root: str) -> str:
    return PurePosixPath(root).as_posix()


def _holds_packages(files: ConfigFiles, root: str) -> bool:
    if files.exists(f"{root}/__init__.py"):
        return False
    depth = root.count("/") + 2
    below = (p for p in files.snapshot.python_files() if p.startswith(f"{root}/"))
    return any(path.count("/") <= depth for path in below)


def _declared(files: ConfigFiles, pyproject: Table) -> Iterator[str]:
    tool = table(pyproject, "tool")
    setuptools = table(tool, "setuptools")
    yield from words([table(setuptools, "package-dir").get("")])
    yield from words(table(setuptools, "packages", "find").get("where"))
    wheel = table(tool, "hatch", "build", "targets", "wheel")
    yield from _parents(wheel.get("packages") or table(tool, "hatch", "build").get("packages"))
    yield from words(table(wheel, "sources") and list(table(wheel, "sources")))
    yield from words(wheel.get("sources"))
    packages = table(tool, "poetry").get("packages")
    for package in packages if isinstance(packages, list) else []:
        yield from words([table(package).get("from")])
    yield from words([table(tool, "pdm").get("package-dir")])
    yield from words([table(tool, "pdm", "build").get("package-dir")])
    yield from words([table(tool, "uv", "build-backend").get("module-root")])
    yield from _from_setup_cfg(files)
    yield from _from_setup_py(files)


def _parents(packages: Any) -> Iterator[str]:
    for package in words(packages):
        parent = PurePosixPath(package).parent.as_posix()
        if parent != ".":
            yield parent


def _from_setup_cfg(files: ConfigFiles) -> Iterator[str]:
    sections = files.ini("setup.cfg")
    for line in words(sections.get("options", {}).get("package_dir", "")):
        name, _, folder = line.partition("=")
        if not name.strip():
            yield folder.strip()
    yield from words(sections.get("options.packages.find", {}).get("where", ""))


def _from_setup_py(files: ConfigFiles) -> Iterator[str]:
    arguments = setup_arguments(files.syntax("setup.py"))
    yield from words([table(arguments, "package_dir").get("")])


def _pytest_paths(files: ConfigFiles, pyproject: Table) -> Iterator[str]:
    for path in ("pytest.ini", "tox.ini"):
        yield from files.ini(path).get("pytest", {}).get("pythonpath", "").split()
    yield from files.ini("setup.cfg").get("tool:pytest", {}).get("pythonpath", "").split()
    options = table(pyproject, "tool", "pytest", "ini_options").get("pythonpath")
    yield from options.split() if isinstance(options, str) else words(options)
