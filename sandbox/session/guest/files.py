"""Guest code: files in and out, wary of what the code under test left in their place."""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from typing import IO, Any, List, Optional, Set, Tuple, cast

from . import machine_age
from .channel import Channel

CHUNK_BYTES = 1 << 20


class _TarStream:
    """The chunk frames that follow an `unpack` request, as a file to read."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.buffer = b""
        self.ended = False

    def read(self, size: int = -1) -> bytes:
        pieces = bytearray()
        while len(pieces) < size:
            if not self.buffer and not self._next():
                break
            need = size - len(pieces)
            pieces += self.buffer[:need]
            self.buffer = self.buffer[need:]
        return bytes(pieces)

    def _next(self) -> bool:
        if self.ended:
            return False
        header, self.buffer = self.channel.receive()
        self.ended = header["last"]
        return bool(self.buffer)

    def drain(self) -> None:
        while not self.ended:
            self._next()


def unpack(channel: Channel, workspace: str) -> None:
    """Extract the tar that follows. Raises ValueError for an entry that leaves the workspace."""
    stream = _TarStream(channel)
    try:
        with tarfile.open(
            fileobj=cast(Any, stream), mode="r|*", encoding="utf-8", errors="surrogateescape"
        ) as tar:
            _extract(tar, os.path.realpath(workspace))
    except tarfile.TarError as error:
        raise ValueError("not a readable tar: {}".format(error)) from None
    finally:
        stream.drain()


def _extract(tar: tarfile.TarFile, workspace: str) -> None:
    folders: Set[str] = set()
    modes: List[Tuple[str, int]] = []
    for member in tar:
        cast(Any, tar).members = []  # a stream of 100,000 entries need not be remembered
        target = _target(member.name, workspace)
        if target == workspace:
            continue
        _make_parent(os.path.dirname(target), workspace, folders)
        if member.isdir():
            os.makedirs(target, exist_ok=True)
            modes.append((target, member.mode))
        elif member.issym():
            os.symlink(member.linkname, target)
        elif member.islnk():
            os.link(_target(member.linkname, workspace), target, follow_symlinks=False)
        elif member.isreg():
            _extract_file(tar.extractfile(member), target, member)
        else:
            raise ValueError("refusing the special file {!r}".format(member.name))
    for target, mode in reversed(modes):
        os.chmod(target, (mode & 0o777) | 0o700)


def _target(name: str, workspace: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise ValueError("refusing the entry {!r}: it leaves the workspace".format(name))
    return os.path.join(workspace, *parts)


def _make_parent(folder: str, workspace: str, folders: Set[str]) -> None:
    if folder in folders:
        return
    real = os.path.realpath(folder)  # before anything is made through a link
    if real != workspace and not real.startswith(workspace.rstrip("/") + "/"):
        raise ValueError("refusing {!r}: a link leads out of the workspace".format(folder))
    os.makedirs(folder, exist_ok=True)
    folders.add(folder)


def _extract_file(source: Optional[IO[bytes]], target: str, member: tarfile.TarInfo) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    fd = os.open(target, flags, 0o600)
    with open(fd, "wb", buffering=0) as file:
        while True:
            data = source.read(CHUNK_BYTES) if source else b""
            if not data:
                break
            _write_all(file.fileno(), data)
        os.fchmod(file.fileno(), (member.mode & 0o777) | 0o600)
        os.utime(file.fileno(), machine_age.times(member.mtime))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write(path: str, content: bytes) -> None:
    """Put a regular file at `path`; whatever was there (a link, a FIFO) is replaced."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    mode = 0o644
    try:
        state = os.lstat(path)
        if stat.S_ISREG(state.st_mode):
            mode = stat.S_IMODE(state.st_mode)
    except FileNotFoundError:
        pass
    partial = os.path.join(folder, ".repair-{}.partial".format(os.urandom(6).hex()))
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        _write_all(fd, content)
        os.fchmod(fd, mode)
    except OSError:
        os.unlink(partial)
        raise
    finally:
        os.close(fd)
    os.replace(partial, path)


def read(path: str, max_bytes: int) -> bytes:
    """Return a regular file's bytes. Raises FileNotFoundError, or ValueError for all else."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
            raise ValueError("{} is a link or a special file".format(path)) from None
        raise
    try:
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
            raise ValueError("{} is not a regular file with a single link".format(path))
        if state.st_size > max_bytes:
            raise ValueError("{} has {} bytes, more than {}".format(path, state.st_size, max_bytes))
        return _read_all(fd, path, max_bytes)
    finally:
        os.close(fd)


def _read_all(fd: int, path: str, max_bytes: int) -> bytes:
    pieces = bytearray()
    while True:
        data = os.read(fd, CHUNK_BYTES)
        if not data:
            return bytes(pieces)
        pieces += data
        if len(pieces) > max_bytes:  # it grew while we read
            raise ValueError("{} has more than {} bytes".format(path, max_bytes))


def remove(path: str) -> None:
    """Remove a file or a link, if it is there."""
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
