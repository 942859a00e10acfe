"""Reads `go.mod` and `go.work`: https://go.dev/ref/mod#go-mod-file"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sandbox.snapshots.snapshot import Snapshot

MODULE_FILE, WORKSPACE_FILE, VENDORED = "go.mod", "go.work", "vendor/modules.txt"
MAX_FILE_BYTES = 1024 * 1024
"""A larger file is not read."""
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_LEFT_OUT = frozenset(("vendor", "testdata"))
Version = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """What a `go.mod` or `go.work` says."""

    path: str
    module: str = ""
    """Its import path."""
    go: Version | None = None
    """The oldest Go that may be used."""
    requires: bool = False
    """It needs other modules."""

    @property
    def folder(self) -> str:
        """Empty at the top."""
        return posixpath.dirname(self.path)


def module_files(snapshot: Snapshot) -> tuple[ModuleFile, ...]:
    """Each `go.mod` of a snapshot, and `go.work` at its top, those above first."""
    paths = [
        path
        for path, entry in snapshot.entries.items()
        if (posixpath.basename(path) == MODULE_FILE or path == WORKSPACE_FILE)
        and entry.kind == "file"
        and entry.size <= MAX_FILE_BYTES
        and not is_left_out(path)
    ]
    paths.sort(key=lambda path: (path.count("/"), path))
    return tuple(read_module_file(path, snapshot.read(path)) for path in paths)


def tested_modules(files: Sequence[ModuleFile], tests: Iterable[str]) -> tuple[ModuleFile, ...]:
    """The modules that these test files are of: what only examples or tools need is not installed,
    and says nothing of the Go that the tests need."""
    modules = {file.folder: file for file in files if file.path != WORKSPACE_FILE}
    needed = {_nearest(posixpath.dirname(path), modules) for path in tests}
    return tuple(file for folder, file in modules.items() if folder in needed)


def _nearest(folder: str, modules: Collection[str]) -> str:
    while folder and folder not in modules:
        folder = posixpath.dirname(folder)
    return folder


def is_left_out(path: str) -> bool:
    """Whether Go's patterns (`./...`) pass over a file by its name or its folder."""
    folders = path.split("/")[:-1]
    hidden = any(part.startswith(("_", ".")) for part in path.split("/"))
    return hidden or not _LEFT_OUT.isdisjoint(folders)


def read_module_file(path: str, content: bytes) -> ModuleFile:
    """What can be read of it; all else is passed over."""
    module, version, requires = "", None, False
    for verb, words in _directives(content.decode("utf-8", "replace")):
        if verb == "module" and words:
            module = words[0].strip('"`')
        elif verb == "go" and words:
            version = version_of(words[0]) or version
        elif verb == "require":
            requires = True
    return ModuleFile(path=path, module=module, go=version, requires=requires)


def version_of(text: str) -> Version | None:
    """The numbers that a version begins with: `1.22`, `1.22.1`, `1.23rc1`."""
    match = _VERSION.match(text)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3] or 0))


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    block = ""
    for row in text.splitlines():
        words = row.partition("//")[0].split()
        if not words:
            continue
        if block:
            if words[0] == ")":
                block = ""
            else:
                yield block, words
        elif words[-1] == "(" and len(words) == 2:
            block = words[0]
        else:
            yield words[0], words[1:]
