"""What is installed for a Rust project, and the key it is kept under."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sandbox.languages.rust.detection.detect import is_vendored
from sandbox.languages.rust.detection.manifests import LOCK, MANIFEST, is_left_out, manifests
from sandbox.languages.rust.detection.project import SOURCE_SUFFIX, RustProject
from sandbox.snapshots.snapshot import Snapshot

RECIPE_VERSION = 1
"""Raise it when the same input is installed in another way."""
_SETTINGS = frozenset((".cargo/config.toml", ".cargo/config"))


@dataclass(frozen=True, kw_only=True)
class RustRecipe:
    """Everything that decides what the environment holds."""

    command: str | None = None
    """Replaces the installation."""
    folders: tuple[str, ...] = ()
    """In which packages are fetched; empty where none is needed."""
    digests: tuple[tuple[str, str], ...] = ()
    """Files that are read for that, with their SHA-256."""
    sources: tuple[str, ...] = ()
    """Files that have to be there for that, whatever they hold."""

    @property
    def runs_code(self) -> bool:
        """Files of the project may be read or run while it is installed: then the environment is
        that one snapshot's and nobody else's."""
        return self.command is not None

    def key(self, key_parts: Sequence[str], *shared_with: str) -> str:
        """The key of the environment, hex. `shared_with` bounds who may use it."""
        parts = ["rust", RECIPE_VERSION, list(key_parts), list(shared_with), asdict(self)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def write_recipe(project: RustProject, snapshot: Snapshot) -> RustRecipe:
    """Decide what to install."""
    if project.install is not None:
        return RustRecipe(command=project.install)
    files = manifests(snapshot)
    needy = [file for file in files if file.requires]
    if not needy or is_vendored(snapshot):
        return RustRecipe()
    entries = {
        path: entry
        for path, entry in sorted(snapshot.entries.items())
        if entry.kind == "file" and (not is_left_out(path) or path in _SETTINGS)
    }
    read = [
        path
        for path in entries
        if posixpath.basename(path) in (MANIFEST, LOCK) or path in _SETTINGS
    ]
    return RustRecipe(
        folders=tuple(_tops(file.folder for file in needy)),
        digests=tuple((path, entries[path].sha256) for path in read),
        sources=tuple(path for path in entries if path.endswith(SOURCE_SUFFIX)),
    )


def _tops(folders: Iterable[str]) -> Sequence[str]:
    """Those that lie in no other: what is fetched there is fetched for the workspace."""
    tops: list[str] = []
    for folder in sorted(folders, key=len):
        if not any(not top or f"{folder}/".startswith(f"{top}/") for top in tops):
            tops.append(folder)
    return tops
