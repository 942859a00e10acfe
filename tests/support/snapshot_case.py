"""Small projects, written and taken as a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files, path → text, and return the folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def snapshot_of(scratch: Path, files: Mapping[str, str], name: str = "calc") -> Snapshot:
    """A snapshot of a folder `name` with these files."""
    folder = write_project(scratch / name, files)
    return take_snapshot(resolve(str(folder), None, scratch / "s"), scratch / "snapshots")
