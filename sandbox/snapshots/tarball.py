"""Tar files whose bytes depend on nothing but the files in them."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK_BYTES = tarfile.BLOCKSIZE
# Not the epoch: zip files, and so wheels, cannot say anything before 1980.
MTIME_SECONDS = 1_577_836_800


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file or symbolic link of a tar."""

    kind: str
    """`file` or `link`."""
    size: int
    """Bytes; 0 for a link."""
    sha256: str
    """Of the content, hex; of the target's name for a link."""
    mode: int
    offset: int
    """Where the content starts in the tar."""
    target: str = ""
    """Where a link points, as written in it."""


class TarWriter:
    """Writes a tar member by member and keeps the digest of all of it.

    Names are raw bytes in GNU format, so that no name is refused or changed.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._position = 0
        self._folders: set[str] = {""}
        self.entries: dict[str, Entry] = {}

    def add_file(self, path: str, data: bytes, *, executable: bool) -> None:
        self._add_folders(path)
        mode = 0o755 if executable else 0o644
        self._header(path, mode=mode, size=len(data))
        self.entries[path] = Entry(
            kind="file",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            mode=mode,
            offset=self._position,
        )
        self._write(data)
        self._write(bytes(-len(data) % _BLOCK_BYTES))

    def add_link(self, path: str, target: str) -> None:
        self._add_folders(path)
        self._header(path, mode=0o777, kind=tarfile.SYMTYPE, target=target)
        self.entries[path] = Entry(
            kind="link",
            size=0,
            sha256=hashlib.sha256(target.encode("utf-8", "surrogateescape")).hexdigest(),
            mode=0o777,
            offset=self._position,
            target=target,
        )

    def add_folder(self, path: str) -> None:
        """Add a folder, which may stay empty. It is no entry."""
        self._add_folders(f"{path}/")

    def finish(self) -> str:
        """Write the end of the tar and return the SHA-256 of all of it, hex."""
        end = self._position + 2 * _BLOCK_BYTES
        self._write(bytes(2 * _BLOCK_BYTES + -end % tarfile.RECORDSIZE))
        return self._digest.hexdigest()

    def _add_folders(self, path: str) -> None:
        for folder in reversed(list(parents(path))):
            if folder not in self._folders:
                self._folders.add(folder)
                self._header(folder, mode=0o755, kind=tarfile.DIRTYPE)

    def _header(
        self,
        path: str,
        *,
        mode: int,
        size: int = 0,
        kind: bytes = tarfile.REGTYPE,
        target: str = "",
    ) -> None:
        info = tarfile.TarInfo(path)
        info.mode, info.size, info.type, info.linkname = mode, size, kind, target
        info.mtime = MTIME_SECONDS
        self._write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._digest.update(data)
        self._position += len(data)


def parents(path: str) -> Iterable[str]:
    """Yield the folders above a relative path, innermost first."""
    while (slash := path.rfind("/")) > 0:
        path = path[:slash]
        yield path


def empty_tar() -> bytes:
    """Return a tar file with nothing in it."""
    return bytes(tarfile.RECORDSIZE)
