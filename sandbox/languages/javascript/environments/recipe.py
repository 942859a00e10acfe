"""What npm installs for a project, and the key it is kept under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles, table
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.detection.workspace.members import is_workspace
from sandbox.languages.javascript.environments.package_manager import (
    PackageManager,
    package_manager,
)
from sandbox.snapshots.snapshot import Snapshot

RECIPE_VERSION = 3
"""Raise it when the same input is installed in another way."""
LOCK_FILES = ("npm-shrinkwrap.json", "package-lock.json")
_READ = (PACKAGE_FILE, *LOCK_FILES, ".npmrc")
_LIFECYCLE = frozenset(
    (
        *("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare"),
        *("postprepare", "dependencies"),
    )
)
"""Scripts of the project itself that npm runs: https://docs.npmjs.com/cli/using-npm/scripts"""
_GROUPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what the environment holds."""

    command: str | None = None
    """Replaces the installation."""
    needed: bool = True
    """There is something to install."""
    locked: bool = False
    """npm's lock file decides the versions."""
    manager: PackageManager | None = None
    """Installs instead of npm."""
    runs_code: bool = False
    """Files of the project may be read or run while it is installed: then the environment is that
    one snapshot's and nobody else's."""
    member: str = ""
    """Folder of the only package of a workspace that is installed; empty for all."""
    digests: tuple[tuple[str, str], ...] = ()
    """Files that npm reads, with their SHA-256."""

    def key(self, key_parts: Sequence[str], *shared_with: str) -> str:
        """The key of the environment, hex. `shared_with` bounds who may use it."""
        parts = ["javascript", RECIPE_VERSION, list(key_parts), list(shared_with), asdict(self)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def write_recipe(project: JavaScriptProject, snapshot: Snapshot) -> Recipe:
    """Decide what to install. A project without dependencies gives the same recipe as any other."""
    if project.install is not None:
        return Recipe(command=project.install, runs_code=True)
    files = PackageFiles(snapshot)
    package = files.json(PACKAGE_FILE)
    has_packages = any(table(package, group) for group in _GROUPS) or is_workspace(files)
    scripts = _LIFECYCLE.intersection(table(package, "scripts"))
    if any(path.startswith("node_modules/") for path in snapshot.entries):
        return Recipe(needed=False)  # it brings them along
    if not has_packages and not scripts and not files.exists("binding.gyp"):
        return Recipe(needed=False)
    member = "" if project.further else project.folder
    if (manager := package_manager(files, member)) is not None:
        # Whatever its own settings name may be read: patches, hooks, other packages of a workspace.
        locked = any(map(files.exists, LOCK_FILES))
        return Recipe(manager=manager, locked=locked, runs_code=True, member=member)
    lock = next((files.json(path) for path in LOCK_FILES if files.exists(path)), None)
    runs_code = bool(scripts) or files.exists("binding.gyp") or _reads_files(package)
    runs_code = runs_code or is_workspace(files)
    runs_code = runs_code or (lock is not None and not _says_content(lock))
    digests = ((path, snapshot.entries[path].sha256) for path in _READ if files.exists(path))
    return Recipe(
        locked=any(map(files.exists, LOCK_FILES)),
        runs_code=runs_code,
        member=member,
        digests=tuple(digests),
    )


def _reads_files(package: Mapping[str, Any]) -> bool:
    """Whether a dependency may be a folder or an archive of the project."""
    return any(not _from_registry(version) for version in _versions(package))


def _versions(package: Mapping[str, Any]) -> Iterator[object]:
    for group in (*_GROUPS, "overrides", "resolutions"):
        tables = [table(package, group)]
        while tables:
            for value in tables.pop().values():
                if isinstance(value, Mapping):
                    tables.append(value)
                else:
                    yield value


def _says_content(lock: Mapping[str, Any]) -> bool:
    """Whether each entry of npm's lock file has the hash of what is installed for it. Another one
    may be a folder of the project, or whatever its host gives out at the time: what is built of
    that is not for others who have the same lock file."""
    packages = dict(table(lock, "packages"))
    packages.pop("", None)  # the project itself
    entries = [*packages.values(), *table(lock, "dependencies").values()]
    while entries:
        entry = entries.pop()
        if not isinstance(entry, Mapping) or not _has_hash(entry):
            return False
        inside = table(entry, "dependencies").values()  # texts where they are only what it asks for
        entries += [child for child in inside if isinstance(child, Mapping)]
    return True


def _has_hash(entry: Mapping[str, Any]) -> bool:
    inside_another = entry.get("inBundle") is True or entry.get("bundled") is True
    return inside_another or (isinstance(entry.get("integrity"), str) and "link" not in entry)


def _from_registry(version: object) -> bool:
    """Whether a version is a range or a tag: paths, URLs and `file:` hold a slash or a colon."""
    return isinstance(version, str) and not set("/\\:") & set(version.removeprefix("npm:@"))
