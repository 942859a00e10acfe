"""Files and folders that only their owner reads, whatever the umask and whoever made them."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

OTHERS_MODE = stat.S_IRWXG | stat.S_IRWXO


def private_folder(path: Path) -> Path:
    """Make it, and what is missing above it; close one that an earlier version left open."""
    for folder in reversed(
        [ancestor for ancestor in (path, *path.parents) if not ancestor.exists()]
    ):
        folder.mkdir(mode=0o700, exist_ok=True)
    close_to_others(path)
    return path


def private_file(path: Path) -> Path:
    """Make it, empty, where it is missing; close one that an earlier version left open."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    close_to_others(path)
    return path


def close_to_others(path: Path) -> None:
    """Take all rights of other users from a path of ours.

    A folder that everybody may write to, as `/tmp`, stays as it is.
    """
    with suppress(FileNotFoundError, PermissionError):  # the second: a file system without modes
        state = path.stat()
        is_shared = stat.S_ISDIR(state.st_mode) and state.st_mode & stat.S_ISVTX
        if state.st_mode & OTHERS_MODE and state.st_uid == os.geteuid() and not is_shared:
            path.chmod(stat.S_IMODE(state.st_mode) & ~OTHERS_MODE)
