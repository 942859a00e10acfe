"""Folders and files opened step by step, so that no part of a path can be a link.

A path is checked once and used later, and whoever owns a folder on it may put a link there
meanwhile. What is open stays what it was.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking: a pipe that is planted would block for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_COPY_CHUNK_BYTES = 1 << 20


def open_folder(folder: Path) -> int:
    """Open a folder by its full path without links. Raises OSError where a part is one."""
    fd = os.open("/", _STEP)
    for part in folder.parts[1:]:
        try:
            inner_fd = os.open(part, _STEP, dir_fd=fd)
        finally:
            os.close(fd)
        fd = inner_fd
    try:
        return os.open(".", _FOLDER, dir_fd=fd)
    finally:
        os.close(fd)


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A context with the descriptor of `open_folder`, closed at the end."""
    descriptor = open_folder(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def inside(parent: int, path: str) -> Iterator[int | None]:
    """A folder below an open one, `a/b`; None where there is none. Raises OSError for links."""
    descriptor = _descend(parent, path)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _descend(parent: int, path: str) -> int | None:
    fd = os.dup(parent)
    for part in path.split("/"):
        try:
            inner_fd = os.open(part, _FOLDER, dir_fd=fd)
        except FileNotFoundError:
            return None
        finally:
            os.close(fd)
        fd = inner_fd
    return fd


def names(folder: int) -> list[str]:
    """The names of the entries of an open folder."""
    return os.listdir(folder)


def open_file(parent: int, name: str) -> int | None:
    """Open a regular file of an open folder; None where it is absent, a link or anything else."""
    try:
        descriptor = os.open(name, _FILE, dir_fd=parent)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def read_bytes(parent: int, name: str, max_bytes: int) -> tuple[bytes, os.stat_result] | None:
    """The beginning of a regular file of an open folder and what it is; None where it is absent.
    Raises OSError for a link (ELOOP) and for all else that is no regular file (EINVAL)."""
    try:
        descriptor = os.open(name, _FILE, dir_fd=parent)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(max_bytes), status
    finally:
        os.close(descriptor)


def read_text(parent: int, name: str, max_bytes: int = 4096) -> str | None:
    """The beginning of a small file; None as `open_file`."""
    descriptor = open_file(parent, name)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(max_bytes).decode(errors="surrogateescape")


def copy_file(parent: int, name: str, destination: Path) -> int:
    """Copy a regular file, where it is one; return its size."""
    descriptor = open_file(parent, name)
    if descriptor is None:
        return 0
    with os.fdopen(descriptor, "rb", 0) as stream, destination.open("wb", 0) as copy:
        size = os.fstat(descriptor).st_size
        if size > _COPY_CHUNK_BYTES:
            shutil.copyfileobj(stream, copy, _COPY_CHUNK_BYTES)
        else:  # most are: a buffer of their own size is twice as fast
            copy.write(stream.read(size))
        return size
