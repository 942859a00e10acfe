"""Cases from real history: exported whole, with the fix's tests, and without the history."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import real_bugs
from benchmarks.history import (
    IDENTITY,
    Bug,
    History,
    commit_all,
    export_case,
    find_git_dir,
    import_root,
    read_bugs,
)
from benchmarks.reporting import every_nth


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        check=True,
    )
    return ended.stdout.decode("utf-8", "replace").strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of two commits; the second fixes `src/pack/mod.py` and adds a test."""
    folder = tmp_path / "owner+name"
    (folder / "src" / "pack").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "src" / "pack" / "__init__.py").touch()
    (folder / "src" / "pack" / "mod.py").write_bytes(b"def f():\r\n    return 1\r\n")
    (folder / "tests" / "test_mod.py").write_text("old = True\n")
    (folder / ".gitattributes").write_text("tests export-ignore\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "base")
    (folder / "src" / "pack" / "mod.py").write_bytes(b"def f():\r\n    return 2\r\n")
    (folder / "tests" / "test_mod.py").write_text("new = True\n")
    (folder / "tests" / "data.txt").write_text("needed\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "the secret fix")
    return folder


@pytest.fixture
def bug(clone: Path, tmp_path: Path) -> Bug:
    facts = {
        "repo": "owner/name",
        "parent": git(clone, "rev-parse", "HEAD~1"),
        "fix": git(clone, "rev-parse", "HEAD"),
        "src": "src/pack/mod.py",
        "test_files": ["tests/test_mod.py"],
        "test_side_files": ["tests/test_mod.py", "tests/data.txt"],
        "f2p": ["tests/test_mod.py::test"],
        "add": 1,
        "delete": 1,
    }
    path = tmp_path / "bugs.jsonl"
    path.write_text(json.dumps(facts) + "\n")
    return read_bugs(path)[0]


def test_a_case_is_the_base_with_the_tests_of_the_fix(
    bug: Bug, clone: Path, tmp_path: Path
) -> None:
    history = History(find_git_dir(clone.parent, "owner/name"))
    case = export_case(bug, history, tmp_path / "case")
    assert (case / "src/pack/mod.py").read_bytes() == b"def f():\r\n    return 1\r\n"
    assert (case / "tests/test_mod.py").read_text() == "new = True\n"
    assert (case / "tests/data.txt").read_text() == "needed\n"
    assert not (case / ".git").exists()
    assert import_root(bug, case) == "src"


def test_a_fixed_case_holds_the_fix(bug: Bug, clone: Path, tmp_path: Path) -> None:
    history = History(find_git_dir(clone.parent, "owner/name"))
    case = export_case(bug, history, tmp_path / "case", fixed=True)
    assert b"return 2" in (case / "src/pack/mod.py").read_bytes()


def test_the_work_tree_of_a_case_has_one_commit_and_no_trace_of_the_fix(
    bug: Bug, clone: Path, tmp_path: Path
) -> None:
    case = export_case(bug, History(find_git_dir(clone.parent, "owner/name")), tmp_path / "case")
    commit_all(case)
    assert git(case, "rev-list", "--all", "--count") == "1"
    assert git(case, "status", "--porcelain") == ""
    objects = git(case, "cat-file", "--batch-all-objects", "--batch")
    assert "the secret fix" not in objects
    assert "return 2" not in objects


def test_the_clone_is_only_read(bug: Bug, clone: Path, tmp_path: Path) -> None:
    before = git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")
    export_case(bug, History(find_git_dir(clone.parent, "owner/name")), tmp_path / "case")
    assert (git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")) == before


def test_a_missing_clone_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"git clone https://github\.com/a/b"):
        find_git_dir(tmp_path, "a/b")


def test_a_sample_is_spread_and_the_same_each_time() -> None:
    assert every_nth(86, 10) == [0, 8, 17, 25, 34, 43, 51, 60, 68, 77]
    assert every_nth(5, 10) == [0, 1, 2, 3, 4]
    assert len(set(every_nth(40, 8))) == 8


def test_the_order_of_measuring_depends_on_each_bug_alone() -> None:
    bugs = [
        Bug(
            index=index,
            repo="owner/name",
            parent="0" * 40,
            fix=f"{index:040x}",
            src="mod.py",
            test_files=(),
            test_side_files=(),
            f2p=(),
            changed_lines=1,
        )
        for index in range(20)
    ]
    order = real_bugs.in_order(bugs)
    assert order != bugs
    assert real_bugs.in_order(bugs[::-1]) == order
    assert real_bugs.in_order(bugs[5:]) == [bug for bug in order if bug.index >= 5]
