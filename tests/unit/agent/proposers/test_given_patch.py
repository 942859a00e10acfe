"""A patch that comes with a job is tried where it applies exactly, and only there."""

from __future__ import annotations

from agent.patches.changes import diff_text, edited_files, unified_diff
from agent.proposers.given_patch import first_try

OLD = b"def total(items):\r\n    return sum(items) - 1\r\n"
NEW = b"def total(items):\r\n    return sum(items)\r\n"
PATCH = diff_text(unified_diff({"a.py": (OLD, NEW), "new.py": (None, b"x = 1\n")}))


def test_it_gives_the_same_files_on_a_base_that_is_alike_there() -> None:
    base = {"a.py": OLD, "other.py": b"changed since\n"}
    candidate = first_try(PATCH, base.get)
    assert candidate is not None
    assert edited_files(candidate.edits, base.get) == {
        "a.py": (OLD, NEW),
        "new.py": (None, b"x = 1\n"),
    }


def test_where_it_does_not_apply_there_is_none() -> None:
    assert first_try(PATCH, {"a.py": NEW}.get) is None
    assert first_try(PATCH, {}.get) is None
    assert first_try("no diff at all", {"a.py": OLD}.get) is None


def test_a_patch_that_deletes_a_file_is_none() -> None:
    gone = diff_text(unified_diff({"a.py": (OLD, None)}))
    assert first_try(gone, {"a.py": OLD}.get) is None
