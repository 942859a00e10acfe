"""Whether a pull request holds a patch."""

from __future__ import annotations

import pytest

from agent.patches.changes import FileChange
from workers.forges.api.pull_diff import holds, lines_of

OLD = b"".join(b"line %d\n" % number for number in range(1, 30))
NEW = OLD.replace(b"line 9\n", b"-- nine\n").replace(b"line 20\n", b"")
CHANGES: dict[str, FileChange] = {"a.py": (OLD, NEW)}
PATCH = (
    "@@ -8,3 +8,3 @@ def f():\n line 8\n-line 9\n+-- nine\n line 10\n"
    "@@ -19,3 +19,2 @@\n line 19\n-line 20\n line 21"
)


def test_the_same_lines_with_less_around_them_are_the_same() -> None:
    assert holds({"a.py": PATCH}, CHANGES)
    assert holds({"a.py": PATCH + "\n\\ No newline at end of file"}, CHANGES)


@pytest.mark.parametrize(
    "patches",
    [
        {"a.py": PATCH.replace("nine", "NINE")},
        {"a.py": PATCH.replace("@@ -8,3 +8,3", "@@ -9,3 +9,3")},
        {"a.py": PATCH, "b.py": "@@ -1 +1 @@\n-x\n+y"},
        {"a.py": PATCH, "large.bin": None},
        {"a.py": None},
        {"b.py": PATCH},
        {},
    ],
)
def test_anything_else_is_another_patch(patches: dict[str, str | None]) -> None:
    assert not holds(patches, CHANGES)


def test_lines_that_look_like_headers_are_lines() -> None:
    assert lines_of("@@ -1,2 +1,2 @@\n--- a\n+++ b\n x") == (("-", 1, "-- a"), ("+", 1, "++ b"))
