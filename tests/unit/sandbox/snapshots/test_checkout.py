"""Targets of every kind, with real repositories and a real git server on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.errors import BadTarget
from sandbox.snapshots.checkout import SourceTree, resolve
from sandbox.snapshots.listing import TreeLimits

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "pkg" / "inner").mkdir(parents=True)
    (folder / "pkg" / "code.py").write_text("one = 1\n")
    (folder / "pkg" / "inner" / "deep.py").write_text("deep = 1\n")
    (folder / ".gitignore").write_text("*.log\nsecret/\n")
    git(folder, "init", "--quiet", "-b", "trunk")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "tag", "v1.4.2")
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything that a write would change, .git included."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
    return found


def test_a_clean_work_tree(repository: Path, tmp_path: Path) -> None:
    tree = resolve(str(repository), None, tmp_path / "scratch")
    assert tree.paths == (".gitignore", "pkg/code.py", "pkg/inner/deep.py")
    assert tree.base_commit == git(repository, "rev-parse", "HEAD")
    assert (tree.dirty, tree.prefix, tree.version, tree.name) == (False, "", "1.4.2", "project")
    assert tree.root == repository


def test_uncommitted_untracked_ignored_and_deleted_files(repository: Path, tmp_path: Path) -> None:
    (repository / "pkg" / "code.py").write_text("one = 2\n")
    (repository / "new file.py").write_text("")
    (repository / "run.log").write_text("ignored")
    (repository / "pkg" / "inner" / "deep.py").unlink()
    (repository / ".venv").mkdir()
    (repository / ".venv" / "x.py").write_text("")
    before = state(repository)
    tree = resolve(str(repository), None, tmp_path / "scratch")
    assert tree.paths == (".gitignore", "new file.py", "pkg/code.py")
    assert tree.dirty
    assert state(repository) == before


def test_a_commit_is_taken_exactly(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "pkg" / "code.py").write_text("one = 2\n")
    git(repository, "commit", "--quiet", "-am", "second")
    (repository / "pkg" / "code.py").write_text("one = 3\n")
    before = state(repository)
    for at in (first, first[:9], "HEAD~1", "v1.4.2"):
        tree = resolve(str(repository), at, tmp_path / "scratch")
        assert (tree.root / "pkg" / "code.py").read_text() == "one = 1\n"
        assert (tree.base_commit, tree.dirty) == (first, False)
        assert tree.root != repository
    assert (resolve(str(repository), "trunk", tmp_path / "s").root / "pkg/code.py").read_text() == (
        "one = 2\n"
    )
    assert state(repository) == before


@pytest.mark.parametrize("at", [None, "HEAD"])
def test_a_folder_inside_a_work_tree(repository: Path, tmp_path: Path, at: str | None) -> None:
    tree = resolve(str(repository / "pkg"), at, tmp_path / "scratch")
    assert tree.paths == ("code.py", "inner/deep.py")
    assert tree.prefix == "pkg"
    assert tree.base_commit == git(repository, "rev-parse", "HEAD")


def test_a_folder_that_git_ignores(repository: Path, tmp_path: Path) -> None:
    (repository / "secret").mkdir()
    (repository / "secret" / "a.py").write_text("")
    tree = resolve(str(repository / "secret"), None, tmp_path / "scratch")
    assert tree.paths == ("a.py",)
    assert tree.base_commit is None
    assert "ignores" in tree.notes[0]


def test_a_plain_folder(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    for name in ("a.py", "sub/b.py", "__pycache__/a.pyc", "node_modules/x.js", "env/pyvenv.cfg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    tree = resolve(str(folder), None, tmp_path / "scratch")
    assert tree.paths == ("a.py", "sub/b.py")
    assert (tree.base_commit, tree.dirty) == (None, False)


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "a.py").write_text("")
    tree = resolve(str(folder), None, tmp_path / "scratch")
    assert (tree.paths, tree.base_commit, tree.dirty) == (("a.py",), None, True)


def test_a_linked_work_tree_and_a_bare_repository(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "other")
    (tmp_path / "linked" / "more.py").write_text("")
    linked = resolve(str(tmp_path / "linked"), None, tmp_path / "scratch")
    assert "more.py" in linked.paths
    assert linked.base_commit == git(repository, "rev-parse", "HEAD")
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    for target in (str(tmp_path / "bare.git"), f"file://{tmp_path}/bare.git"):
        bare = resolve(target, None, tmp_path / "scratch")
        assert bare.paths == (".gitignore", "pkg/code.py", "pkg/inner/deep.py")
        assert bare.name == "bare"


def test_a_sha256_repository(tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    git(folder, "init", "--quiet", "--object-format=sha256")
    (folder / "a.py").write_text("")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    tree = resolve(str(folder), None, tmp_path / "scratch")
    assert len(tree.base_commit or "") == 64
    assert not tree.dirty
    assert resolve(str(folder), "HEAD", tmp_path / "scratch").paths == ("a.py",)


def test_names_with_newlines_and_foreign_bytes(repository: Path, tmp_path: Path) -> None:
    names = [b"a b.py", b"new\nline.py", b"latin-\xe9.py"]
    for name in names:
        Path(os.fsdecode(os.fsencode(repository) + b"/" + name)).write_bytes(b"x = 1\n")
    listed = [os.fsencode(p) for p in resolve(str(repository), None, tmp_path / "s").paths]
    assert set(names) <= set(listed)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "names")
    listed = [os.fsencode(p) for p in resolve(str(repository), "HEAD", tmp_path / "s").paths]
    assert set(names) <= set(listed)


def test_nothing_a_repository_plants_is_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    settings = ("core.fsmonitor", "filter.f.clean", "filter.f.smudge", "filter.f.process")
    for key in (*settings, "diff.external", "core.pager", "core.sshCommand", "core.editor"):
        git(repository, "config", key, str(trap))
    git(repository, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        (tmp_path / "hooks" / hook).symlink_to(trap)
    (repository / ".gitattributes").write_text("* filter=f diff=f\n")
    (repository / "pkg" / "code.py").write_text("one = 2\n")
    assert resolve(str(repository), None, tmp_path / "scratch").dirty
    resolve(str(repository), "HEAD", tmp_path / "scratch")
    assert not (tmp_path / "sprung").exists()


def test_submodules_give_their_files_or_a_note(repository: Path, tmp_path: Path) -> None:
    git(repository, "clone", "--quiet", str(repository), "vendored")
    git(repository, "add", "vendored")
    git(repository, "commit", "--quiet", "-m", "a submodule")
    tree = resolve(str(repository), None, tmp_path / "scratch")
    assert "vendored/pkg/code.py" in tree.paths
    assert not any(".git/" in path for path in tree.paths)
    empty = resolve(str(repository), "HEAD", tmp_path / "scratch")
    assert empty.notes == ("the submodule 'vendored' is empty here",)
    assert empty.empty_submodules == ("vendored",)


def test_a_folder_with_submodules_in_a_repository(repository: Path, tmp_path: Path) -> None:
    git(repository, "clone", "--quiet", str(repository), "pkg/vendored")
    git(repository, "add", "pkg/vendored")
    git(repository, "commit", "--quiet", "-m", "a submodule")
    tree = resolve(str(repository / "pkg"), "HEAD", tmp_path / "scratch")
    assert tree.empty_submodules == ("vendored",)


def test_a_broken_repository_is_taken_as_a_folder(repository: Path, tmp_path: Path) -> None:
    (repository / ".git" / "index").write_bytes(b"not an index")
    tree = resolve(str(repository), None, tmp_path / "scratch")
    assert "pkg/code.py" in tree.paths
    assert "git cannot read this work tree" in tree.notes[0]


def test_a_large_repository(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    for number in range(100):
        (folder / f"d{number}").mkdir(parents=True)
        for file in range(200):
            (folder / f"d{number}" / f"f{file}.py").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "many")
    assert len(resolve(str(folder), None, tmp_path / "scratch").paths) == 20_000


def bad(target: str | Path, at: str | None, tmp_path: Path, **limits: int) -> str:
    with pytest.raises(BadTarget) as caught:
        resolve(str(target), at, tmp_path / "scratch", TreeLimits(**limits))
    return str(caught.value)


def test_bad_targets_say_why(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "only_git").mkdir()
    git(tmp_path / "only_git", "init", "--quiet")
    assert "no such path" in bad(tmp_path / "absent", None, tmp_path)
    assert "is a file" in bad(repository / "pkg" / "code.py", None, tmp_path)
    assert "empty folder" in bad(tmp_path / "empty", None, tmp_path)
    assert "no files" in bad(tmp_path / "only_git", None, tmp_path)
    assert "called feature" in bad(repository, "feature", tmp_path)
    assert "called --help" in bad(repository, "--help", tmp_path)
    assert "no folder later" in bad(_later_folder(repository), "v1.4.2", tmp_path)
    assert "more than 2 files" in bad(repository, None, tmp_path, files=2)
    assert "larger than" in bad(repository, None, tmp_path, total_bytes=9)
    assert "at most" in bad(repository, "HEAD", tmp_path, files=2)
    assert "cannot be read" in bad("nul\0byte", None, tmp_path)
    blob = git(repository, "rev-parse", "HEAD:pkg/code.py").strip()
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert "lacks 1 of the files" in bad(repository, "HEAD", tmp_path)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.py").touch()
    assert "not in a git repository" in bad(plain, "HEAD", tmp_path)


def _later_folder(repository: Path) -> Path:
    (repository / "later").mkdir()
    return repository / "later" if (repository / "later" / "a.py").write_text("") == 0 else Path()


@pytest.fixture
def server(repository: Path) -> Iterator[str]:
    """A real git server over the folder that holds the repository."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["git", "daemon", "--export-all", f"--base-path={repository.parent}", "--reuseaddr"]
    daemon = subprocess.Popen(
        [*words, "--listen=127.0.0.1", f"--port={port}"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"git://127.0.0.1:{port}"
    os.killpg(daemon.pid, signal.SIGKILL)  # git waits for its daemon, which may outlive a SIGTERM
    daemon.wait()


def test_a_url_is_cloned(repository: Path, server: str, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "pkg" / "code.py").write_text("one = 2\n")
    git(repository, "commit", "--quiet", "-am", "second")

    def taken(at: str | None) -> SourceTree:
        return resolve(f"{server}/project/.git", at, tmp_path / "scratch")

    head = taken(None)
    assert head.base_commit == git(repository, "rev-parse", "HEAD")
    assert (head.root / "pkg" / "code.py").read_text() == "one = 2\n"
    for at in ("v1.4.2", first, first[:10], "trunk~1"):
        assert taken(at).base_commit == first, at
    assert (taken("trunk").root / "pkg" / "code.py").read_text() == "one = 2\n"


def test_failing_clones_say_why(server: str, tmp_path: Path) -> None:
    said = bad(f"{server}/absent.git", None, tmp_path)
    assert "cannot be cloned" in said
    said = bad("https://user:secret@127.0.0.1:1/x.git", None, tmp_path)
    assert "cannot be cloned" in said
    assert "secret" not in said
    assert "no such path" in bad("ext::sh -c date", None, tmp_path)
    assert "called absent" in bad(f"{server}/project/.git", "absent", tmp_path)
