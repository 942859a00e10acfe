"""Copy a source tree into a snapshot, reading each file once and following no link."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sandbox.errors import BadTarget, DiskFull
from sandbox.host import no_follow
from sandbox.snapshots.checkout import SourceTree
from sandbox.snapshots.links import keep_inside
from sandbox.snapshots.listing import TreeLimits, lies_inside
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import TarWriter, parents

_MAX_NOTES = 20
"""Left-out files named one by one; more become a count."""


def take_snapshot(tree: SourceTree, folder: Path, limits: TreeLimits | None = None) -> Snapshot:
    """Copy the tree's files into `folder/<digest>.tar` and write the index beside it.

    Raises DiskFull, and BadTarget when the files grew over the limits since they were listed
    or none could be read.
    """
    with _explain_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        copy = _Copy(tree, limits or TreeLimits())
        handle, partial = tempfile.mkstemp(prefix="snapshot-", suffix=".partial", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                writer, digest = copy.write(cast("BinaryIO", stream))
            tar = folder / f"{digest}.tar"
            Path(partial).replace(tar)
        finally:
            Path(partial).unlink(missing_ok=True)
        snapshot = Snapshot(
            tar=tar,
            digest=digest,
            name=tree.name,
            entries=writer.entries,
            base_commit=tree.base_commit,
            dirty=tree.dirty,
            prefix=tree.prefix,
            version=tree.version,
            tag=tree.tag,
            notes=(*tree.notes, *copy.notes()),
        )
        snapshot.save()
    return snapshot


@contextmanager
def _explain_full_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            f"the disk under {folder} is full: a copy of the project does not fit; free some space"
        ) from error


class _Copy:
    """Copies a source tree into a tar in one pass."""

    def __init__(self, tree: SourceTree, limits: TreeLimits) -> None:
        self._tree = tree
        self._bytes_left = limits.total_bytes
        self._left_out: list[tuple[str, str]] = []

    def write(self, stream: BinaryIO) -> tuple[TarWriter, str]:
        writer = TarWriter(stream)
        links: dict[str, str] = {}
        folders = _Folders(self._tree)
        try:
            for path in self._tree.paths:
                self._add(path, folders, writer, links)
        finally:
            folders.close()
        self._add_links(writer, links)
        self._add_empty_submodules(writer)
        if not writer.entries:
            raise BadTarget(f"none of the files of {self._tree.root} can be read")
        return writer, writer.finish()

    def notes(self) -> tuple[str, ...]:
        notes = [f"{path!r} is left out: {reason}" for path, reason in self._left_out[:_MAX_NOTES]]
        remainder = len(self._left_out) - len(notes)
        return (*notes, f"{remainder} more files are left out") if remainder else tuple(notes)

    def _add(self, path: str, folders: _Folders, writer: TarWriter, links: dict[str, str]) -> None:
        if not lies_inside(path):
            raise BadTarget(f"{path!r} is no file below {self._tree.root}")
        parent, _, name = path.rpartition("/")
        try:
            parent_fd = folders.open(parent)
            kind = stat.S_IFMT(os.stat(name, dir_fd=parent_fd, follow_symlinks=False).st_mode)
            if kind == stat.S_IFLNK:
                links[path] = os.readlink(name, dir_fd=parent_fd)
            elif kind == stat.S_IFREG:
                self._add_file(path, name, parent_fd, writer)
            elif kind != stat.S_IFDIR:
                self._left_out.append((path, "it is a pipe, a socket or a device"))
        except (FileNotFoundError, NotADirectoryError):
            return  # removed since it was listed
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._left_out.append((path, f"it cannot be read ({error.strerror})"))

    def _add_file(self, path: str, name: str, parent_fd: int, writer: TarWriter) -> None:
        # Non-blocking: it may have become a pipe since the look above.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=parent_fd), "rb") as stream:  # noqa: PTH123
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                self._left_out.append((path, "it changed while it was copied"))
                return
            data = stream.read() if status.st_size <= self._bytes_left else None
        self._bytes_left -= len(data or b"")
        if data is None or self._bytes_left < 0:
            raise BadTarget(f"{self._tree.root} grew over the size limit while it was copied")
        writer.add_file(path, data, executable=bool(status.st_mode & 0o111))

    def _add_links(self, writer: TarWriter, links: dict[str, str]) -> None:
        links_inside = keep_inside(links, writer.entries)
        for path in sorted(links):
            if path in links_inside:
                writer.add_link(path, links[path])
            else:
                reason = f"it is a link to {links[path]!r}, which is not a part of the project"
                self._left_out.append((path, reason))

    def _add_empty_submodules(self, writer: TarWriter) -> None:
        """As after a plain `git clone`: tests may ask whether the folder is there."""
        for path in sorted(self._tree.empty_submodules):
            above = (path, *parents(path))
            if lies_inside(path) and not any(part in writer.entries for part in above):
                writer.add_folder(path)


class _Folders:
    """Opens folders step by step, so that no part of a path can be a link.

    Paths come sorted: the folders of the last one stay open.
    """

    def __init__(self, tree: SourceTree) -> None:
        self._open: list[tuple[str, int]] = [("", _top(tree))]

    def open(self, folder: str) -> int:
        parts = folder.split("/") if folder else []
        depth = 0
        while depth < min(len(parts), len(self._open) - 1):
            if self._open[depth + 1][0] != parts[depth]:
                break
            depth += 1
        self._close_below(depth)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        for part in parts[depth:]:
            self._open.append((part, os.open(part, flags, dir_fd=self._open[-1][1])))
        return self._open[-1][1]

    def close(self) -> None:
        self._close_below(-1)

    def _close_below(self, depth: int) -> None:
        while len(self._open) > depth + 1:
            os.close(self._open.pop()[1])


def _top(tree: SourceTree) -> int:
    if not tree.real:
        return os.open(tree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return no_follow.open_folder(tree.root)
    except OSError as error:
        raise BadTarget(
            f"{tree.root} is no folder any more, or a part of its path is a link"
        ) from error
