from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cli.delivery.branch import check_branch_name, commit_on_branch
from cli.errors import ApplyRefused, BadInput

OLD, NEW = b"a = 1\r\nb = 2\r\n", b"a = 1\r\nb = 3\r\n"
CHANGE = {"pkg/m.py": (OLD, NEW)}


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "core.autocrlf=false")
    argv = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "m.py").write_bytes(OLD)
    (root / "README").write_text("hello\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")
    return root


def blob(root: Path, name: str) -> bytes:
    argv = ["git", "-C", str(root), "cat-file", "blob", name]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def test_one_commit_on_top_of_head(project: Path) -> None:
    commit = commit_on_branch(project, "fix/b", None, CHANGE, "Fix: b\n\nFound.")
    assert git(project, "rev-parse", "fix/b") == commit
    assert git(project, "rev-parse", "fix/b^") == git(project, "rev-parse", "main")
    assert blob(project, "fix/b:pkg/m.py") == NEW
    assert git(project, "diff", "--stat", "main", "fix/b").endswith("1 insertion(+), 1 deletion(-)")
    assert git(project, "log", "-1", "--format=%s", "fix/b") == "Fix: b"
    assert git(project, "fsck", "--strict") == ""


def test_work_tree_index_and_head_stay(project: Path) -> None:
    (project / "README").write_text("dirty\n")
    (project / "new.txt").write_text("untracked\n")
    git(project, "add", "README")
    (project / "README").write_text("dirtier\n")
    before = git(project, "status", "--porcelain"), (project / ".git" / "index").read_bytes()
    commit_on_branch(project, "fix", None, CHANGE, "Fix")
    assert (project / ".git" / "index").read_bytes() == before[1]
    assert git(project, "status", "--porcelain") == before[0]
    assert git(project, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert blob(project, "fix:README") == b"hello\n"


def test_a_file_with_uncommitted_changes_under_the_patch_is_refused(project: Path) -> None:
    change = {"pkg/m.py": (b"a = 1\r\nb = 2 + 0\r\n", NEW)}
    with pytest.raises(ApplyRefused, match="not committed"):
        commit_on_branch(project, "fix", None, change, "Fix")
    assert git(project, "branch", "--list", "fix") == ""


@pytest.mark.parametrize("packed", [False, True])
def test_a_branch_that_exists_is_never_moved(project: Path, packed: bool) -> None:
    git(project, "branch", "fix")
    if packed:
        git(project, "pack-refs", "--all")
    with pytest.raises(ApplyRefused, match="a name that is not taken"):
        commit_on_branch(project, "fix", None, CHANGE, "Fix")
    assert git(project, "rev-parse", "fix") == git(project, "rev-parse", "main")


def test_nothing_planted_in_the_target_fires(project: Path, tmp_path: Path) -> None:
    trap = tmp_path / "fired"
    script = tmp_path / "trap.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $@" >> {trap}\ncat\n')
    script.chmod(0o755)
    hooks = project / ".git" / "hooks"
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(script.read_text())
        (hooks / name).chmod(0o755)
    (project / ".gitattributes").write_text("* filter=trap diff=trap\n")
    (project / ".git" / "info").mkdir(exist_ok=True)
    (project / ".git" / "info" / "attributes").write_text("* filter=trap\n")
    for key in ("core.fsmonitor", "filter.trap.clean", "filter.trap.smudge", "gpg.program"):
        git(project, "config", key, str(script))
    git(project, "config", "commit.gpgSign", "true")
    git(project, "config", "core.hooksPath", str(hooks))
    trap.unlink(missing_ok=True)
    commit_on_branch(project, "fix", None, CHANGE, "Fix")
    assert not trap.exists()
    assert blob(project, "fix:pkg/m.py") == NEW


def test_a_folder_below_the_top_and_an_older_commit(project: Path) -> None:
    base = git(project, "rev-parse", "HEAD")
    (project / "pkg" / "m.py").write_bytes(b"later\n")
    git(project, "commit", "-qam", "later")
    commit_on_branch(project / "pkg", "fix", base, {"m.py": (OLD, NEW)}, "Fix")
    assert git(project, "rev-parse", "fix^") == base
    assert blob(project, "fix:pkg/m.py") == NEW


def test_a_linked_work_tree(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    commit_on_branch(tmp_path / "other", "fix", None, CHANGE, "Fix")
    assert blob(project, "fix:pkg/m.py") == NEW


def test_modes_and_odd_names_are_kept(project: Path) -> None:
    (project / "a,b c.py").write_bytes(OLD)
    (project / "a,b c.py").chmod(0o755)
    (project / "*.py").write_bytes(OLD)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "names")
    changes = {"a,b c.py": (OLD, NEW), "*.py": (OLD, NEW), "new.py": (None, NEW)}
    commit_on_branch(project, "fix", None, changes, "Fix")
    entry = git(project, "ls-tree", "fix", "--", "a,b c.py")
    assert entry.startswith("100755")
    assert blob(project, "fix:*.py") == NEW
    assert blob(project, "fix:new.py") == NEW
    assert blob(project, "fix:pkg/m.py") == OLD


def test_no_repository_and_no_commit(tmp_path: Path) -> None:
    with pytest.raises(ApplyRefused, match="not in a git repository"):
        commit_on_branch(tmp_path, "fix", None, CHANGE, "Fix")
    git(tmp_path, "init", "-q")
    with pytest.raises(ApplyRefused, match="git could not commit"):
        commit_on_branch(tmp_path, "fix", None, CHANGE, "Fix")


@pytest.mark.parametrize("name", ["-f", "a..b", "a b", "", "x.lock", "@{-1}", "a/", "a\0b"])
def test_names_git_does_not_allow(name: str) -> None:
    with pytest.raises(BadInput, match="--branch"):
        check_branch_name(name)


def test_names_git_allows() -> None:
    check_branch_name("fix/leap-year")
    check_branch_name("größe")


@pytest.mark.parametrize(
    "directive",
    [
        *("[skip ci]", "[ci skip]", "[NO CI]", "[skip actions]", "[actions skip]"),
        *("skip-checks: true", "request-checks: false", "fixes #7", "Close: o/n#7", "GH-7", "#7"),
        *("@somebody", "closes https://github.com/o/n/issues/7", "Co-authored-by: E <e@x>"),
        *("Signed-off-by: E <e@x>", "BREAKING CHANGE: all", "Change-Id: I1"),
    ],
)
def test_a_message_does_nothing(directive: str, project: Path) -> None:
    commit = commit_on_branch(project, "fix", None, CHANGE, f"Fix: t[{directive}]\n\n\n{directive}")
    message = git(project, "log", "-1", "--format=%B", commit)
    assert f"\n{directive}" not in message
    assert directive in message.replace("\N{WORD JOINER}", "")


def _owners(folder: Path) -> set[tuple[int, int]]:
    found = [path.lstat() for path in (folder, *folder.rglob("*"))]
    return {(state.st_uid, state.st_gid) for state in found}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
@pytest.mark.parametrize("name", ["fix", "repair/deep/fix"])
def test_the_branch_and_its_objects_are_the_owners(project: Path, name: str) -> None:
    owner = (4321, 4322)
    for path in (project, *project.rglob("*")):
        os.chown(path, *owner, follow_symlinks=False)
    commit = commit_on_branch(project, name, None, CHANGE, "Fix")
    assert _owners(project / ".git") == {owner}
    words = ["git", "-c", "safe.directory=*", "--git-dir", str(project / ".git")]
    head = git(project, "-c", "safe.directory=*", "rev-parse", name)
    assert head == commit
    checked = subprocess.run([*words, "fsck", "--strict"], check=True, capture_output=True)
    assert checked.stdout == b""
    assert not list((project / ".git").rglob(".repair-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_a_link_among_the_objects_is_not_written_through(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number in range(256):
        folder = project / ".git" / "objects" / f"{number:02x}"
        if not folder.exists():
            folder.symlink_to(elsewhere)
    with pytest.raises(ApplyRefused):
        commit_on_branch(project, "fix", None, CHANGE, "Fix")
    assert list(elsewhere.iterdir()) == []


def test_a_branch_in_the_way_of_a_folder(project: Path) -> None:
    git(project, "branch", "fix")
    with pytest.raises(ApplyRefused, match="not taken"):
        commit_on_branch(project, "fix/deep", None, CHANGE, "Fix")
