"""An immutable copy of a project's files: one tar and an index over it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.snapshots.tarball import Entry
from sandbox.source import DecodedSource, decode_source

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A project as it was when the run began. Holds no history and nothing tools left behind."""

    tar: Path
    """Uncompressed, sorted, one fixed time, owner 0: the same files give the same bytes."""
    digest: str
    """SHA-256 of the tar, hex."""
    name: str
    entries: Mapping[str, Entry] = field(repr=False)
    """Path (bytes that are not UTF-8 are surrogates) → what is there; folders are left out."""
    base_commit: str | None = None
    dirty: bool = False
    prefix: str = ""
    """Where the files lie in their git repository; `""` at its top."""
    version: str | None = None
    """From the newest git tag, for packages that ask git for theirs."""
    tag: str | None = None
    """That tag, as it is written."""
    notes: tuple[str, ...] = ()
    """What was left out and why, one sentence each."""

    def read(self, path: str) -> bytes:
        """Return a regular file's bytes. Raises FileNotFoundError."""
        entry = self.entries.get(path)
        if entry is None or entry.kind != "file":
            raise FileNotFoundError(f"the snapshot has no file {path!r}")
        with self.tar.open("rb") as stream:
            stream.seek(entry.offset)
            return stream.read(entry.size)

    def text(self, path: str) -> DecodedSource:
        """Return a source file's text. Raises FileNotFoundError, and ValueError when it cannot
        be decoded."""
        return decode_source(self.read(path))

    def python_files(self) -> tuple[str, ...]:
        """Return the paths of the Python sources, sorted, without the `unnamable` ones."""
        return self.files_where(_is_python)

    def files_where(self, wanted: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the paths of the files that `wanted` says yes to, sorted, without those whose
        names hold control characters."""
        files = (path for path, entry in self.entries.items() if entry.kind == "file")
        return tuple(sorted(p for p in files if wanted(p) and not _CONTROL.search(p)))

    @property
    def unnamable(self) -> tuple[str, ...]:
        """Python sources whose names hold a newline or another control character: they are there,
        but no runner, report or diff can be trusted to name them."""
        files = (path for path, entry in self.entries.items() if entry.kind == "file")
        return tuple(sorted(p for p in files if _is_python(p) and _CONTROL.search(p)))

    def save(self) -> Path:
        """Write the index beside the tar and return its path; `load` reads it back."""
        entries = {path: vars(entry) for path, entry in self.entries.items()}
        record = {**vars(self), "tar": self.tar.name, "entries": entries}
        index = self.tar.with_suffix(".json")
        partial = index.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(record))
        partial.replace(index)
        return index


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def load_snapshot(index: Path) -> Snapshot:
    """Read a snapshot back from the path `Snapshot.save` returned.

    Raises FileNotFoundError, and ValueError when the files are not what was saved.
    """
    record = json.loads(index.read_text())
    entries = {path: Entry(**entry) for path, entry in record.pop("entries").items()}
    tar = index.with_name(record.pop("tar"))
    with tar.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != record["digest"]:
        raise ValueError(f"{tar} is not the file that was saved")
    notes = tuple(record.pop("notes"))
    return Snapshot(tar=tar, entries=entries, notes=notes, **record)
