"""Where a generated test file goes, and what its tests are called there."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sandbox.runners.test_ids import file_of, id_in_file


@dataclass(frozen=True, kw_only=True)
class Place:
    """A new file beside a test file of the project, in a folder that its runner looks at."""

    path: str
    beside: str
    """The test file in whose folder it is."""
    style: str
    """A test id of that file: ids are made in its style."""

    @property
    def as_case(self) -> bool:
        """The runner knows methods of a `TestCase` only."""
        return "::" not in self.style

    def id_of(self, name: str) -> str:
        """The id of `Case.test` or `test` in the file."""
        case, _, test = name.rpartition(".")
        return id_in_file(self.path, case, test, like=self.style, like_file=self.beside)


def place_for(statement: str, passing: Sequence[str], paths: Collection[str]) -> Place | None:
    """Beside the file with the most passing tests, named after the statement. None when no
    passing test lies in a file of the snapshot."""
    counts: dict[str, int] = {}
    styles: dict[str, str] = {}
    for test_id in passing:
        path = file_of(test_id, paths)
        if path is not None:
            counts[path] = counts.get(path, 0) + 1
            styles.setdefault(path, test_id)
    if not counts:
        return None
    beside = max(counts, key=lambda path: (counts[path], path))
    digest = hashlib.sha256(statement.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    name = f"test_issue_{digest}.py"
    return Place(
        path=posixpath.join(posixpath.dirname(beside), name), beside=beside, style=styles[beside]
    )
