"""Where a repository keeps its history: pointers are followed only to what points back.

A folder that somebody else made may hold a `.git` that leads to any repository of this machine:
as a file (`gitdir: …`), as a link, through `commondir`. A work tree and its git folder name each
other; what names only one way was not made by git.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.host import no_follow

_WORK_TREE = "worktree = "


class GitLeadsOutside(Exception):
    """A git folder that is not this folder's, or not below what may be read."""


@dataclass(frozen=True)
class GitFolder:
    """A git folder, its common folder and its work tree, as full paths without links."""

    own: Path
    """HEAD and index."""
    common: Path
    """Objects and refs; another folder than `own` for a linked work tree."""
    top: Path | None = None
    """Of the work tree."""


def find_git_folder(folder: Path, root: Path | None = None) -> GitFolder | None:
    """The git folder around `folder`, a full path without links; None where there is none.

    Nothing outside `root` is looked at. Raises GitLeadsOutside.
    """
    for top in (folder, *folder.parents):
        if root is not None and not top.is_relative_to(root):
            return None
        marker = top / ".git"
        if marker.is_symlink():
            raise GitLeadsOutside(f"{marker} is a link, and links are not followed")
        marker_folder = _pointed_to(marker, root) if marker.is_file() else marker
        if (
            marker_folder is not None
            and (git_folder := read_git_folder(marker_folder, root)) is not None
        ):
            return GitFolder(git_folder.own, git_folder.common, top)
    return None


def read_git_folder(folder: Path, root: Path | None = None) -> GitFolder | None:
    """`folder` itself as a git folder, as a bare repository is; None where it is none.

    Raises GitLeadsOutside.
    """
    try:
        with no_follow.opened(folder) as folder_fd:
            if no_follow.read_text(folder_fd, "HEAD") is None:
                return None
            common = _common(folder, no_follow.read_text(folder_fd, "commondir"))
        _within(common, root)
        with no_follow.opened(common) as store, no_follow.inside(store, "objects") as objects:
            return None if objects is None else GitFolder(folder, common)
    except OSError:
        return None


def _common(folder: Path, pointer: str | None) -> Path:
    """git writes `commondir` into `<common>/worktrees/<name>` and nowhere else."""
    if pointer is None:
        return folder
    common = folder.parent.parent
    if folder.parent.name != "worktrees" or _resolved(folder, pointer) != common:
        raise GitLeadsOutside(f"{folder / 'commondir'} leads to a repository it is no part of")
    return common


def _pointed_to(marker: Path, root: Path | None) -> Path | None:
    with no_follow.opened(marker.parent) as top:
        text = no_follow.read_text(top, marker.name) or ""
    if not text.startswith("gitdir:"):
        return None
    git_folder = _resolved(marker.parent, text.removeprefix("gitdir:"))
    _within(git_folder, root)
    if marker not in _named_by(git_folder):
        raise GitLeadsOutside(
            f"{marker} leads to {git_folder}, which does not name this work tree; where it moved, "
            f"`git worktree repair` helps, else `git config core.worktree {marker.parent}`"
        )
    return git_folder


def _named_by(git_folder: Path) -> Iterator[Path]:
    """The `.git` files that a git folder says are its own."""
    with suppress(OSError), no_follow.opened(git_folder) as folder_fd:
        back = no_follow.read_text(folder_fd, "gitdir")  # a linked work tree
        if back is not None:
            yield _resolved(git_folder, back)
        for line in (no_follow.read_text(folder_fd, "config", 1 << 20) or "").splitlines():
            if line.strip().startswith(_WORK_TREE):  # a submodule
                yield _resolved(git_folder, line.strip().removeprefix(_WORK_TREE)) / ".git"


def _resolved(folder: Path, pointer: str) -> Path:
    return Path(os.path.realpath(folder / pointer.strip()))


def _within(folder: Path, root: Path | None) -> None:
    if root is not None and not folder.is_relative_to(root):
        raise GitLeadsOutside(f"its git folder {folder} is not below {root}")
