"""A snapshot with one more file: the base that a generated test stands in."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import MTIME_SECONDS, Entry


def with_file(snapshot: Snapshot, path: str, content: bytes) -> Snapshot:
    """Write a copy of the snapshot that also holds a new file, beside it, and return that.

    `path` lies in a folder of the snapshot. The same snapshot and file give the same bytes.
    Raises ValueError when the path is taken.
    """
    if path in snapshot.entries:
        raise ValueError(f"the snapshot has a file {path!r} already")
    partial = snapshot.tar.with_suffix(".partial")
    offset = append_file(snapshot.tar, partial, path, content)
    with partial.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    tar = partial.replace(snapshot.tar.with_name(f"{digest}.tar"))
    entry = Entry(
        kind="file",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        mode=0o644,
        offset=offset,
    )
    copy = replace(snapshot, tar=tar, digest=digest, entries={**snapshot.entries, path: entry})
    copy.save()
    return copy


def append_file(tar: Path, destination: Path, path: str, content: bytes) -> int:
    """Copy a tar to `destination` with one more file; return where its content starts."""
    shutil.copyfile(tar, destination)
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.mtime = len(content), 0o644, MTIME_SECONDS
    with tarfile.open(destination, "a", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(content))
    with tarfile.open(destination) as archive:
        return archive.getmember(path).offset_data
