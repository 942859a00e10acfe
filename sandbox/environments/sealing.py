"""What makes a folder that untrusted code filled fit to be kept, and how damage is noticed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.host import programs
from sandbox.host.untrusted_tree import TooDeep, TreeEntry, TreeTooLarge, set_mode, walk

_MAX_PATH_CHARACTERS = 2000
"""Characters below the root: a tree that is kept can be named by an ordinary path."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_COPY_TIMEOUT_SECONDS = 900.0
_MAX_SCRIPT_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class Seal:
    """Two digests of a folder. The second is cheap, and holds only where the files lie."""

    content: str
    """Over every path with its kind, mode and bytes, hex."""
    stamp: str
    """Over what `lstat` says of every path: its number, size and times of change, hex. No
    program can choose the time of a file's last change."""

    @staticmethod
    def of(root: Path) -> Seal:
        """Return the two digests of a folder. Raises OSError."""
        return Seal(content=_digest(root, _content), stamp=stamp_of(root))


def stamp_of(root: Path) -> str:
    """Return the digest `Seal.stamp` of a folder, in hex. Raises OSError."""
    return _digest(root, _stamp)


def content_of(root: Path) -> str:
    """Return the digest `Seal.content` of a folder, in hex. Raises OSError."""
    return _digest(root, _content)


def take_over(root: Path, most_bytes: int) -> None:
    """Own what the build's unprivileged user wrote, so that it is nobody else's.

    Everybody may read it, since every session has a user of its own; pipes, sockets and devices
    go. Raises TooDeep, TooLarge and OSError for what cannot be kept.
    """
    as_root, size = os.geteuid() == 0, 0
    for node in walk(root):
        if len(node.path) > _MAX_PATH_CHARACTERS:
            raise TooDeep(root)
        size += node.status.st_size
        if size > most_bytes:
            raise TreeTooLarge(root)
        kind = stat.S_IFMT(node.status.st_mode)
        if kind not in (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK):
            os.unlink(node.name, dir_fd=node.folder)
            continue
        if as_root:
            os.chown(node.name, 0, 0, dir_fd=node.folder, follow_symlinks=False)
        if kind != stat.S_IFLNK:
            _allow_reading(node)
    if as_root:
        os.chown(root, 0, 0)
    root.chmod(0o755)


def copy_tree(source: Path, destination: Path, uid: int | None) -> None:
    """Copy a sealed folder into an empty one and give it to a user; scripts name their new place.

    Times are kept: compiled modules are checked against them. Raises OSError.
    """
    # It shares blocks where the file system can, and is many times quicker than `shutil`.
    command = ["cp", "-a", f"{source}/.", str(destination)]
    try:
        result = programs.run(command, timeout_seconds=_COPY_TIMEOUT_SECONDS)
    except programs.TookTooLong as error:
        raise OSError(errno.ETIMEDOUT, "copying took too long", str(destination)) from error
    if result.returncode != 0:
        error_text = result.stderr.decode("utf-8", "replace").strip()[:300]
        raise OSError(errno.EIO, error_text, str(destination))
    for node in walk(destination):
        if node.path.startswith("bin/") or node.path == "pyvenv.cfg":
            _move_script(destination / node.path, bytes(source), bytes(destination))
        if uid is not None:
            os.chown(node.name, uid, uid, dir_fd=node.folder, follow_symlinks=False)


def _move_script(path: Path, old: bytes, new: bytes) -> None:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_SCRIPT_BYTES:
        return
    text = path.read_bytes()
    if old in text and b"\0" not in text:
        path.write_bytes(text.replace(old, new))


def _allow_reading(node: TreeEntry) -> None:
    old_mode = stat.S_IMODE(node.status.st_mode)
    new_mode = 0o755 if node.is_folder or old_mode & 0o111 else 0o644
    if old_mode != new_mode:
        set_mode(node.name, node.folder, new_mode)


def _digest(root: Path, describe: Callable[[TreeEntry], str]) -> str:
    lines = [f"{node.path}\0{describe(node)}" for node in walk(root)]
    text = "\n\0".join(sorted(lines))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _stamp(node: TreeEntry) -> str:
    status = node.status
    size = 0 if node.is_folder else status.st_size
    return f"{status.st_mode:o} {status.st_ino} {size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _content(node: TreeEntry) -> str:
    mode = node.status.st_mode
    if stat.S_ISLNK(mode):
        return f"{mode:o} {os.readlink(node.name, dir_fd=node.folder)}"
    if not stat.S_ISREG(mode):
        return f"{mode:o}"
    with os.fdopen(os.open(node.name, _READ, dir_fd=node.folder), "rb") as stream:
        return f"{mode:o} {hashlib.file_digest(stream, 'sha256').hexdigest()}"
