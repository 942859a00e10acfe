"""What is installed into a project's environment, and the key it is kept under."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from sandbox.base import Interpreter
from sandbox.detect.files import ConfigFiles, table
from sandbox.project import Project
from sandbox.snapshot import Snapshot

VERSION = 3
"""Raise it when the same input is installed in another way."""
BASE = ("pytest>=7", "coverage>=5.5")
_DESCRIBES = frozenset(("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "MANIFEST.in"))
_NATIVE = frozenset(".c .cc .cpp .cxx .f .f90 .h .hpp .pxd .pyx .rs".split())  # noqa: SIM905
_PKG_RESOURCES = re.compile(rb"^\s*(?:import|from) pkg_resources\b(\.extern\b)?", re.M)
_MANY_FILES = 20_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what the environment holds."""

    command: str | None = None
    """Replaces all that follows but the base."""
    editable: bool = False
    """The project itself can be installed."""
    extras: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    """Of the project, for when it cannot be installed itself."""
    files: tuple[str, ...] = ()
    """Requirements files of the project itself."""
    test_files: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    """Exact versions from a lock file."""
    base: tuple[str, ...] = BASE
    """What Repair itself needs in the environment."""
    version: str | None = None
    """For packages that ask git for theirs; only where it matters."""
    digests: tuple[tuple[str, str], ...] = ()
    """Files that the installation reads, with their SHA-256."""

    @property
    def only_base(self) -> bool:
        return self == Recipe(base=self.base)

    def key(self, sandbox: str, interpreter: Interpreter) -> str:
        """Return the key of the environment, hex."""
        parts = [VERSION, sandbox, interpreter.path, interpreter.version, asdict(self)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def write_recipe(project: Project, snapshot: Snapshot, pytest_below: int | None = None) -> Recipe:
    """Decide what to install. A folder without packaging gives the same recipe as any other."""
    needs = project.needs
    base = BASE if pytest_below is None else (*BASE, f"pytest<{pytest_below}")
    if project.install is not None:
        digests = tuple(_digests(snapshot, (*needs.main_files, *needs.test_files)))
        version = snapshot.version
        return Recipe(command=project.install, base=base, version=version, digests=digests)
    files = (*needs.main_files, *needs.test_files)
    read = _digests(snapshot, files) if project.installable or files else ()
    return Recipe(
        editable=project.installable,
        extras=needs.extras if project.installable else (),
        dependencies=project.metadata.dependencies,
        files=needs.main_files,
        test_files=needs.test_files,
        requirements=(*needs.requirements, *_setuptools(project, snapshot)),
        constraints=tuple(_locked(snapshot, project)),
        base=base,
        version=snapshot.version if project.installable else None,
        digests=tuple(read),
    )


def _digests(snapshot: Snapshot, named: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    folders = {PurePosixPath(path).parent.as_posix() for path in named} - {"."}
    for path, entry in sorted(snapshot.entries.items()):
        pure = PurePosixPath(path)
        top = path in _DESCRIBES or "requirements" in path.lower() or path in named
        if top or pure.suffix in _NATIVE or pure.parent.as_posix() in folders:
            yield path, entry.sha256


def _setuptools(project: Project, snapshot: Snapshot) -> Iterator[str]:
    """Older projects import what every environment used to hold.

    `pkg_resources.extern` went with setuptools 71, `pkg_resources` is to go with one after 80
    (https://setuptools.pypa.io/en/latest/history.html).
    """
    if not project.installable:
        return
    imports = [
        found[1]
        for path in snapshot.python_files()[:_MANY_FILES]
        if path != "setup.py"
        for found in _PKG_RESOURCES.finditer(snapshot.read(path))
    ]
    if imports:
        yield "setuptools<71" if any(imports) else "setuptools<81"


def _locked(snapshot: Snapshot, project: Project) -> Iterator[str]:
    """Yield `name==version` for the packages a lock file gives one version of."""
    locks = [path for path in project.needs.lock_files if path.endswith((".lock", "pylock.toml"))]
    if not locks or locks[0] == "Pipfile.lock":
        return
    try:
        lock = tomllib.loads(snapshot.read(locks[0]).decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    versions: dict[str, set[str]] = {}
    packages = lock.get("package", lock.get("packages"))
    for package in packages if isinstance(packages, list) else []:
        name, version = table(package).get("name"), table(package).get("version")
        if isinstance(name, str) and isinstance(version, str) and _from_index(package):
            versions.setdefault(name, set()).add(version)
    for name, found in sorted(versions.items()):
        if len(found) == 1 and name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            yield f"{name}=={found.pop()}"


def _from_index(package: object) -> bool:
    source = table(package, "source")
    return not source or "registry" in source or source.get("type") in ("legacy", "pypi")


def uses_hashes(snapshot: Snapshot, path: str) -> bool:
    """pip refuses a file with hashes together with anything that has none."""
    return "--hash=" in ConfigFiles(snapshot).text(path)
