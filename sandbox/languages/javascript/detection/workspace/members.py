"""The packages that a workspace declares, by npm's, yarn's, pnpm's or lerna's files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import islice

from sandbox.languages.javascript.detection.globs import matching
from sandbox.languages.javascript.detection.package_file import (
    PACKAGE_FILE,
    PackageFiles,
    table,
    texts,
)

PNPM_WORKSPACE = "pnpm-workspace.yaml"
_LERNA = "lerna.json"
MAX_PATTERNS = 200
MAX_MEMBERS = 1_000
"""More packages than any workspace has are not looked at."""


def is_workspace(files: PackageFiles) -> bool:
    """Whether the package at the top declares others."""
    return next(_patterns(files), None) is not None


def member_folders(files: PackageFiles) -> tuple[str, ...]:
    """Folders of the packages of a workspace, sorted, without the top."""
    patterns = [_plain(pattern) for pattern in islice(_patterns(files), MAX_PATTERNS)]
    wanted = [f"{p}/{PACKAGE_FILE}" for p in patterns if not p.startswith("!")]
    left_out = [f"{p[1:]}/{PACKAGE_FILE}" for p in patterns if p.startswith("!")]
    package_files = (path for path in files.paths if posixpath.basename(path) == PACKAGE_FILE)
    candidates = list(islice(package_files, 2 * MAX_MEMBERS))
    unwanted = frozenset(matching(map(_plain, left_out), candidates))
    folders = (
        posixpath.dirname(path)
        for path in matching(map(_plain, wanted), candidates)
        if path not in unwanted
    )
    return tuple(folder for folder in folders if folder and folder.isprintable())[:MAX_MEMBERS]


def _patterns(files: PackageFiles) -> Iterator[str]:
    declared = files.json(PACKAGE_FILE).get("workspaces")
    yield from texts(declared)
    yield from texts(table({"workspaces": declared}, "workspaces").get("packages"))
    if files.exists(PNPM_WORKSPACE):
        yield from texts(files.yaml(PNPM_WORKSPACE).get("packages"))
    if files.exists(_LERNA):
        yield from texts(files.json(_LERNA).get("packages"))


def _plain(pattern: str) -> str:
    """Without `./` in front and `/` behind: both are usual, and mean nothing."""
    return pattern.removeprefix("./").rstrip("/")
