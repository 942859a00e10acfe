"""Which files of a folder belong to the project. Names that are not UTF-8 keep their bytes
as surrogates (`os.fsdecode`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox.errors import BadTarget
from sandbox.git.git_process import CleanRepository

# Made by tools, never by people, and often larger than the project itself.
LEFT_OUT = frozenset(
    (
        *(".git", ".hg", ".svn", "__pycache__", ".venv", "node_modules", ".tox", ".nox"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".eggs"),
    )
)
_NEVER = frozenset((".git", "__pycache__"))


@dataclass(frozen=True, kw_only=True)
class TreeLimits:
    """How large a project may be."""

    files: int = 200_000
    total_bytes: int = 1024**3


def work_tree_paths(repository: CleanRepository, folder: Path) -> tuple[list[str], list[str]]:
    """Return (tracked, untracked but not ignored) paths relative to `folder`.

    Raises BadTarget: git lists what its index says, and anybody can write an index.
    """

    def listed(*options: str) -> list[str]:
        names = repository.git("ls-files", "-z", *options, "--", ".", cwd=folder).split(b"\0")
        paths = [os.fsdecode(name) for name in dict.fromkeys(names) if name]
        for path in paths:
            if not lies_inside(path.removesuffix("/")):
                raise BadTarget(f"git's index of {folder} names {path!r}, which is not in it")
        return paths

    tracked_paths = [p for p in listed("--cached") if not _NEVER & set(PurePosixPath(p).parts)]
    untracked_paths = listed("--others", "--exclude-standard")
    return tracked_paths, [p for p in untracked_paths if not LEFT_OUT & set(PurePosixPath(p).parts)]


def lies_inside(path: str) -> bool:
    """Whether a relative path names something below its folder, in one spelling."""
    return not {"", ".", ".."} & set(path.split("/")) and "\0" not in path


def walk(folder: Path, below: str = "") -> Iterator[str]:
    """Yield the paths under `folder`, relative to it, without what tools leave behind."""
    stack = [below]
    while stack:
        current = stack.pop()
        try:
            entries = sorted(os.scandir(folder / current), key=lambda entry: entry.name)
        except PermissionError:
            yield current  # noted as unreadable when it is copied
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            path = f"{current}/{entry.name}" if current else entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif entry.name not in LEFT_OUT:
                stack.append(path)


def expand(folder: Path, paths: Iterable[str], limits: TreeLimits) -> list[str]:
    """Return the paths that exist, sorted; a folder (submodule, nested repository) becomes
    its files.

    Raises BadTarget when there are too many or they are too large.
    """
    members: set[str] = set()
    total = 0
    for path in paths:
        for part in _files_at(folder, path.rstrip("/")):
            if part in members:
                continue
            members.add(part)
            total += _size(folder / part)
            _check(folder, len(members), total, limits)
    return sorted(members)


def _files_at(folder: Path, path: str) -> Iterable[str]:
    try:
        mode = (folder / path).lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ()  # deleted in the work tree
    except PermissionError:
        return (path,)
    return walk(folder, path) if stat.S_ISDIR(mode) else (path,)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _check(folder: Path, files: int, total: int, limits: TreeLimits) -> None:
    if files > limits.files:
        raise BadTarget(
            f"{folder} holds more than {limits.files:,} files; name a folder further down"
        )
    if total > limits.total_bytes:
        raise BadTarget(
            f"{folder} is larger than {limits.total_bytes / 1024**2:,.0f} MiB; "
            "name a folder further down, or ignore the large files in .gitignore"
        )
