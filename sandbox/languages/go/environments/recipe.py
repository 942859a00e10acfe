"""What is installed for a Go project, and the key it is kept under."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from sandbox.languages.go.detection.module_files import (
    VENDORED,
    WORKSPACE_FILE,
    is_left_out,
    module_files,
    tested_modules,
)
from sandbox.languages.go.detection.project import GoProject
from sandbox.snapshots.snapshot import Snapshot

COMMON = (
    *("bufio", "bytes", "cmp", "container/heap", "container/list", "context", "encoding/binary"),
    *("encoding/hex", "encoding/json", "errors", "fmt", "io", "iter", "log", "maps", "math"),
    *("math/rand", "os", "path", "path/filepath", "reflect", "regexp", "slices", "sort", "strconv"),
    *("strings", "sync", "sync/atomic", "testing", "time", "unicode", "unicode/utf8"),
)
"""Packages of Go itself that are compiled whatever a project imports: many have the same
environment."""
RECIPE_VERSION = 1
"""Raise it when the same input is installed in another way."""
MAX_SOURCE_BYTES = 1024 * 1024
MAX_READ_FILES = 5_000
_READ = frozenset(("go.mod", "go.sum", "go.work", "go.work.sum"))
_IMPORTS = re.compile(rb'^import[ \t]+(?:\(([^()]*)\)|[\w.]*[ \t]*("[^"\n]*"))', re.MULTILINE)
_IMPORT = re.compile(rb'"([a-z][a-z0-9]*(?:/[a-z][a-z0-9]*)*)"')
"""Of packages without a dot in their path, which are Go's own."""


@dataclass(frozen=True, kw_only=True)
class GoRecipe:
    """Everything that decides what the environment holds."""

    command: str | None = None
    """Replaces the installation."""
    folders: tuple[str, ...] = ()
    """In which modules are downloaded; empty where none is needed."""
    digests: tuple[tuple[str, str], ...] = ()
    """Files that are read for that, with their SHA-256."""
    standard: tuple[str, ...] = ()
    """Packages of Go itself that are compiled once for all tests."""

    @property
    def runs_code(self) -> bool:
        """Files of the project may be read or run while it is installed: then the environment is
        that one snapshot's and nobody else's."""
        return self.command is not None

    def key(self, key_parts: Sequence[str], *shared_with: str) -> str:
        """The key of the environment, hex. `shared_with` bounds who may use it."""
        parts = ["go", RECIPE_VERSION, list(key_parts), list(shared_with), asdict(self)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def write_recipe(project: GoProject, snapshot: Snapshot) -> GoRecipe:
    """Decide what to install."""
    standard = tuple(sorted({*COMMON, *_standard(project, snapshot)}))
    if project.install is not None:
        return GoRecipe(command=project.install, standard=standard)
    files = module_files(snapshot)
    if VENDORED in snapshot.entries or not any(file.requires for file in files):
        return GoRecipe(standard=standard)
    paths = sorted(
        path
        for path, entry in snapshot.entries.items()
        if posixpath.basename(path) in _READ and entry.kind == "file" and not is_left_out(path)
    )
    in_workspace = any(file.path == WORKSPACE_FILE for file in files)
    needed = tested_modules(files, project.tests.files)
    folders = [""] if in_workspace else [file.folder for file in needed if file.requires]
    return GoRecipe(
        folders=tuple(folders),
        digests=tuple((path, snapshot.entries[path].sha256) for path in paths),
        standard=standard,
    )


def _standard(project: GoProject, snapshot: Snapshot) -> Iterator[str]:
    """Packages that the project's files import and that may be Go's own."""
    own = tuple(module for module in project.modules.values() if module)
    files = [path for path in snapshot.files_where(project.is_source_path) if not is_left_out(path)]
    for path in files[:MAX_READ_FILES]:
        if snapshot.entries[path].size <= MAX_SOURCE_BYTES:
            for name in _imports(snapshot.read(path)):
                if not any(name == module or name.startswith(f"{module}/") for module in own):
                    yield name


def _imports(content: bytes) -> Iterator[str]:
    for group, single in _IMPORTS.findall(content):
        yield from (name.decode() for name in _IMPORT.findall(group or single))
