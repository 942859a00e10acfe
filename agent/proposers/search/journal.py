"""Which candidates were tried, in a file of the run, so that a resumed search repeats none."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from sandbox.source import SourceEdit


class Journal:
    """An append-only list of digests, one a line. Survives a kill at any point."""

    def __init__(self, path: Path) -> None:
        self._known: set[str] = set()
        if path.exists():
            self._known = set(path.read_text(encoding="ascii", errors="replace").splitlines())
        self._file = path.open("a", encoding="ascii")
        # A line cut off by a crash stays alone: it matches nothing, that candidate is tried again.
        self._file.write("\n")

    def __contains__(self, edits: Iterable[SourceEdit]) -> bool:
        return _digest(edits) in self._known

    def __len__(self) -> int:
        return len(self._known - {""})

    def add(self, edits: Iterable[SourceEdit]) -> None:
        digest = _digest(edits)
        self._known.add(digest)
        self._file.write(digest + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _digest(edits: Iterable[SourceEdit]) -> str:
    text = "\0".join(f"{e.path}\0{e.start}\0{e.end}\0{e.replacement}" for e in sorted(edits))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
