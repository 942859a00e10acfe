"""Folders that untrusted code wrote: removed, walked and copied without a path, a link or a
recursion that it could turn against us.

Everything goes through descriptors of folders, so no name is ever resolved a second time, and a
path may be longer than the system allows one to be.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MAX_FOLDER_LEVELS = 100
"""Folders inside folders that a walk goes down; each costs a descriptor."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWNER_MODE = 0o700


class TooDeep(OSError):
    """Folders are nested deeper than any honest tree."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            errno.ELOOP, f"folders are nested more than {MAX_FOLDER_LEVELS} deep", str(root)
        )


class TreeTooLarge(OSError):
    """The files say that they hold more bytes than the tree may have."""

    def __init__(self, root: Path) -> None:
        super().__init__(errno.EFBIG, "its files are too large", str(root))


@dataclass(frozen=True)
class TreeEntry:
    """One thing in a tree, as `lstat` sees it: never what a link points to."""

    path: str
    """Relative to the root of the walk."""
    name: str
    folder: int
    """Descriptor of the folder that holds it, open until the walk goes on."""
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


def walk(root: Path) -> Iterator[TreeEntry]:
    """Yield everything below a folder, each folder before what is in it, in no order.

    Folders that their owner shut are opened. Raises TooDeep, OSError.
    """
    with _opened(root, None) as top:
        levels = [(top, "", _names(top))]
        try:
            while levels:
                fd, above, names = levels[-1]
                if not names:
                    levels.pop()
                    os.close(fd) if levels else None
                    continue
                name = names.pop()
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                node = TreeEntry(f"{above}{name}", name, fd, status)
                yield node
                if node.is_folder:
                    if len(levels) > MAX_FOLDER_LEVELS:
                        raise TooDeep(root)
                    below = open_folder(name, fd)
                    levels.append((below, f"{node.path}/", _names(below)))
        finally:
            for fd, _, _ in levels[1:]:
                os.close(fd)


def folders_below(root: Path) -> Iterator[Path]:
    """Yield a folder and those below it that can be listed, for folders of the system's own."""
    stack = [root]
    while stack:
        folder = stack.pop()
        yield folder
        try:
            with os.scandir(folder) as entries:
                stack += [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:
            continue


def remove_tree(root: Path) -> None:
    """Remove a folder and all in it; nothing happens where there is none.

    What lies deep is moved up to the top first, so neither descriptors nor the stack run out.
    Goes on past what cannot be removed, and raises the first OSError at the end.
    """
    try:
        with _opened(root, None) as top:
            error = _empty(top)
    except FileNotFoundError:
        return
    if error is not None:
        raise error
    root.rmdir()


def _empty(top: int) -> OSError | None:
    prefix, move_count = secrets.token_hex(8), 0
    errors: dict[str, OSError] = {}
    while names := [name for name in _names(top) if name not in errors]:
        for name in names:
            try:
                if _unlinked(name, top):
                    continue
                fd = open_folder(name, top)
                try:
                    for inner in _names(fd):
                        if not _unlinked(inner, fd):
                            open_to_us(inner, fd)  # its `..` changes
                            move_count += 1
                            os.rename(inner, f"{prefix}{move_count}", src_dir_fd=fd, dst_dir_fd=top)
                finally:
                    os.close(fd)
                os.rmdir(name, dir_fd=top)
            except FileNotFoundError:
                continue  # somebody else removes it, too
            except OSError as error:
                errors[name] = error
    return next(iter(errors.values()), None)


def _unlinked(name: str, folder: int) -> bool:
    """Remove it unless it is a folder."""
    if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return False
    os.unlink(name, dir_fd=folder)
    return True


def open_folder(name: str, folder: int) -> int:
    """Open a folder in a folder, shut or not. Raises OSError, for a link too."""
    open_to_us(name, folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def open_to_us(name: str, folder: int | None) -> None:
    """See that its owner may list and change a folder; root may anyway."""
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if os.geteuid() != 0 and stat.S_ISDIR(mode) and mode & _OWNER_MODE != _OWNER_MODE:
        set_mode(name, folder, stat.S_IMODE(mode) | _OWNER_MODE)


def set_mode(name: str, folder: int | None, mode: int) -> None:
    """Change the mode of a file or folder, and of nothing that a link leads to. Raises OSError."""
    if not hasattr(os, "O_PATH"):
        os.chmod(name, mode, dir_fd=folder, follow_symlinks=False)
        return
    # Needs no right to the thing itself; changing the mode of a link fails.
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            raise OSError(errno.ELOOP, "it is a link", name)
        Path(f"/proc/self/fd/{fd}").chmod(mode)
    finally:
        os.close(fd)


@contextmanager
def _opened(root: Path, folder: int | None) -> Iterator[int]:
    open_to_us(str(root), folder)
    fd = os.open(root, _FOLDER, dir_fd=folder)
    try:
        yield fd
    finally:
        os.close(fd)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)
