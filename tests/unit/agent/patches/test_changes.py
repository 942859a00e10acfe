"""Diffs are exact: what comes out of `git apply` is what went in."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.patches.changes import (
    diff_bytes,
    diff_text,
    edited_files,
    edits_between,
    quote_path,
    unified_diff,
)
from agent.patches.unified_diff import PatchRefused, apply_diff
from sandbox.source import SourceEdit, decode_source_lossless

# Few distinct lines, so that context, moves and repeats happen; every awkward ending.
LINES = st.lists(
    st.sampled_from(
        [
            b"a\n",
            b"b\n",
            b"x = 1\r\n",
            b"\xff\xfe\n",
            b"\n",
            b"\t\x0c\n",
            b"-- b\n",
            b"@@ a\n",
            b"\r\n",
        ]
    ),
    max_size=25,
)
CONTENT = st.builds(
    lambda lines, end: b"".join(lines) + end, LINES, st.sampled_from([b"", b"z", b"\r"])
)
NAME = st.sampled_from(
    [
        "m.py",
        "with space.py",
        'quo"te.py',
        "back\\slash.py",
        "é.py",
        "tab\t.py",
        "new\nline.py",
        "\udcff.py",
    ]
)


def _git_apply(diff: bytes, files: dict[str, bytes], command: list[str]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, "pkg", name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        subprocess.run(command, input=diff, cwd=folder, check=True, capture_output=True)
        found = {}
        for path in Path(folder).rglob("*"):
            if path.is_file():
                found[os.fsdecode(path.name)] = path.read_bytes()
        return found


@settings(max_examples=80, deadline=None)
@given(name=NAME, old=CONTENT, new=CONTENT)
@example(name="m.py", old=b"a", new=b"a\n")
@example(name="é.py", old=b"", new=b"a")
@example(name="m.py", old=b"a\r\nb\r\n", new=b"a\r\nc\r\n")
def test_git_apply_gives_the_same_bytes(name: str, old: bytes, new: bytes) -> None:
    diff = unified_diff({f"pkg/{name}": (old, new)})
    if old == new:
        assert diff == b""
        return
    assert _git_apply(diff, {name: old}, ["git", "apply", "-"]) == {name: new}


@settings(max_examples=200, deadline=None)
@given(name=NAME, old=st.none() | CONTENT, new=st.none() | CONTENT)
def test_own_reader_gives_the_same_bytes(name: str, old: bytes | None, new: bytes | None) -> None:
    diff = unified_diff({name: (old, new)})
    if old == new:
        assert diff == b""
        return
    assert apply_diff(diff_bytes(diff_text(diff)), lambda path: old) == {name: (old, new)}


@settings(max_examples=100, deadline=None)
@given(old=CONTENT, new=CONTENT)
def test_edits_between_two_versions_turn_one_into_the_other(old: bytes, new: bytes) -> None:
    edits = edits_between("m.py", old, new)
    changes = edited_files(edits, lambda path: old)
    assert changes == ({} if old == new else {"m.py": (old, new)})


@pytest.mark.parametrize("name", ["m.py", "with space.py"])
def test_patch_takes_it_too(name: str) -> None:
    old, new = b"one\ntwo\r\nthree\n", b"one\nTWO\r\nthree"
    diff = unified_diff({f"pkg/{name}": (old, new)})
    assert _git_apply(diff, {name: old}, ["patch", "-p1", "-s"]) == {name: new}


def test_new_and_deleted_and_empty_files_go_through_git() -> None:
    changes = {
        "pkg/gone.py": (b"x\n", None),
        "pkg/new.py": (None, b"y"),
        "pkg/empty.py": (None, b""),
    }
    got = _git_apply(unified_diff(changes), {"gone.py": b"x\n"}, ["git", "apply", "-"])
    assert got == {"new.py": b"y", "empty.py": b""}


def test_quoting_is_git_s_own() -> None:
    assert quote_path("é\t.py") == b'"\\303\\251\\t.py"'
    assert quote_path("plain name.py") == b"plain name.py"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"# -*- coding: latin-1 -*-\ns = '\xe9'\n", "iso-8859-1"),
        (b"\xef\xbb\xbfs = 1\n", "utf-8"),
        (b"s = '\xff'\n", "utf-8"),
    ],
)
def test_an_edit_leaves_every_other_byte(content: bytes, encoding: str) -> None:
    source = decode_source_lossless(content)
    assert source.encoding == encoding
    at = source.text.index("s =")
    changes = edited_files([SourceEdit("m.py", at, at + 1, "name")], lambda path: content)
    assert changes["m.py"][1] == content.replace(b"s =", b"name =")


def test_a_character_the_encoding_lacks_is_refused() -> None:
    content = b"# coding: ascii\nx = 1\n"
    with pytest.raises(ValueError, match="ascii"):
        edited_files([SourceEdit("m.py", 20, 21, "'\u20ac'")], lambda path: content)


@pytest.mark.parametrize(
    ("diff", "sentence"),
    [
        (b"--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-other\n+new\n", "does not apply"),
        (b"--- a/m.py\n+++ b/m.py\n@@ -1,2 +1 @@\n-old\n+new\n", "as many lines"),
        (b"--- a/m.py\n+++ b/n.py\n@@ -1 +1 @@\n-old\n+new\n", "renames"),
        (b"--- m.py\n+++ m.py\n@@ -1 +1 @@\n-old\n+new\n", "does not start with"),
        (b"--- /dev/null\n+++ b/m.py\n@@ -0,0 +1 @@\n+new\n", "exists"),
        (b"diff --git a/m.py b/m.py\nold mode 100644\nnew mode 100755\n", "modes"),
        (b"diff --git a/m.py b/m.py\nnew file mode 120000\n", "plain file"),
        (b"--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-old\n+new\nrubbish\n", "belongs to no hunk"),
        (b"--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-old\n+new\n" * 2, "twice"),
    ],
)
def test_what_does_not_apply_exactly_is_refused(diff: bytes, sentence: str) -> None:
    with pytest.raises(PatchRefused, match=sentence):
        apply_diff(diff, lambda path: b"old\n" if path == "m.py" else None)


def test_a_diff_written_by_git_reads_back() -> None:
    diff = (
        b"diff --git a/m.py b/m.py\nindex 1234567..89abcde 100644\n--- a/m.py\n+++ b/m.py\n"
        b"@@ -1,2 +1,2 @@ def f():\n old\n-1\n+2\n"
    )
    assert apply_diff(diff, lambda path: b"old\n1\n") == {"m.py": (b"old\n1\n", b"old\n2\n")}
