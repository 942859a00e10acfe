"""Whether a pull request holds a patch: which lines either removes and adds, file by file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from agent.patches.changes import FileChange, diff_text, unified_diff

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")

ChangedLines = tuple[tuple[str, int, str], ...]
"""Sign, number and text of each line; removed ones are counted in the old file, added ones in the
new one. How much stands around them does not matter."""


def holds(patches: Mapping[str, str | None], changes: Mapping[str, FileChange]) -> bool:
    """Whether the files of a pull request (path → its part of the diff; None: not told) are changed
    as by a patch, and no others are."""
    if patches.keys() != changes.keys():
        return False
    return all(
        patch is not None and lines_of(patch) == _lines_of_change(path, changes[path])
        for path, patch in patches.items()
    )


def lines_of(patch: str) -> ChangedLines:
    """The changed lines of one file's part of a unified diff."""
    return tuple(_lines(patch))


def _lines(patch: str) -> Iterator[tuple[str, int, str]]:
    old = new = 0
    is_inside = False
    for line in patch.split("\n"):
        if match := _HUNK.match(line):
            old, new, is_inside = int(match[1]), int(match[2]), True
        elif is_inside and line.startswith("-"):
            yield "-", old, line[1:]
            old += 1
        elif is_inside and line.startswith("+"):
            yield "+", new, line[1:]
            new += 1
        elif is_inside and not line.startswith("\\"):
            old, new = old + 1, new + 1


def _lines_of_change(path: str, change: FileChange) -> ChangedLines:
    return lines_of(diff_text(unified_diff({path: change})))
