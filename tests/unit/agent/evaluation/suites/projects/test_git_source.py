"""Repositories that tasks are taken from: what is exported, and what is not done."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.suites.projects import git_source
from agent.evaluation.suites.projects.git_source import GitSource, find_checkout
from agent.evaluation.suites.projects.own_history import OwnHistory
from sandbox.git.git_process import GitFailed
from sandbox.snapshots.listing import TreeLimits


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    ended = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "owner" / "name"
    (folder / "tests").mkdir(parents=True)
    git(folder, "init", "-q")
    for number, message in enumerate(["Begin", "Fix #1: a bug", "Fix typo", "Add more"]):
        (folder / "code.py").write_text(f"value = {number}\n")
        if message != "Fix typo":
            (folder / "tests" / "test_code.py").write_text(f"def test(): assert {number}\n")
            (folder / "tests" / "data.txt").write_text(f"{number}\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", message)
        if number == 0:
            git(folder, "tag", "v1.0")
    return folder


def test_a_fix_with_a_test_is_found_and_nothing_else(repository: Path) -> None:
    (task,) = OwnHistory(repository).tasks()
    assert task.data["message"].endswith("Fix #1: a bug")
    assert (task.data["sources"], task.data["tests"]) == (["code.py"], ["tests/test_code.py"])
    assert "+value = 1" in task.reference
    bare = repository.parent / "bare.git"
    git(repository.parent, "clone", "-q", "--bare", str(repository), str(bare))
    assert OwnHistory(bare).tasks() == [task]


def test_the_project_has_the_tests_of_the_fix_and_no_history(
    repository: Path, tmp_path: Path
) -> None:
    history = OwnHistory(repository)
    (task,) = history.tasks()
    case = history.case(task, tmp_path / "case")
    assert (case.folder / "code.py").read_text() == "value = 0\n"
    assert (case.folder / "tests" / "test_code.py").read_text() == "def test(): assert 1\n"
    assert (case.folder / "tests" / "data.txt").read_text() == "1\n"
    assert case.fix == {"code.py": (b"value = 0\n", b"value = 1\n")}
    assert git(case.folder, "rev-list", "--count", "--all") == "1"
    assert git(case.folder, "describe", "--tags") == "v1.0"
    assert git(case.folder, "status", "--porcelain") == ""


@pytest.mark.parametrize("commit", ["--index-output=/tmp/x", "HEAD", "", "-h", "0" * 5])
def test_data_cannot_give_git_an_option(repository: Path, tmp_path: Path, commit: str) -> None:
    with (
        pytest.raises(DataUnreadable, match="is no id of a commit"),
        GitSource(repository).opened() as source,
    ):
        source.export(commit, tmp_path / "out", {})
    with pytest.raises(DataUnreadable), GitSource(repository).opened() as source:
        source.show(commit, "code.py")


def test_a_commit_larger_than_any_target_is_not_written(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_source, "TreeLimits", partial(TreeLimits, files=2))
    with (
        pytest.raises(DataUnreadable, match="at most 2 files"),
        GitSource(repository).opened() as source,
    ):
        source.export(source.commit("main"), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_what_is_laid_over_cannot_leave_the_project(repository: Path, tmp_path: Path) -> None:
    (repository / "out").symlink_to(tmp_path)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "A link")
    commit = git(repository, "rev-parse", "HEAD")
    for path in ("out/written.txt", "../written.txt"):
        with (
            pytest.raises(DataUnreadable, match="is no path of a file"),
            GitSource(repository).opened() as source,
        ):
            source.export(commit, tmp_path / path.replace("/", "-"), {path: (None, b"x")})
    assert not (tmp_path / "written.txt").exists()


def test_a_clone_is_found_by_its_name_or_the_lack_of_it_is_said(repository: Path) -> None:
    checkouts = str(repository.parent.parent)
    assert find_checkout(checkouts, "owner/name") == repository
    assert find_checkout(str(repository.parent), "https://github.com/owner/name") == repository
    with pytest.raises(DataUnreadable, match="git clone https"):
        find_checkout(checkouts, "owner/other")
    with pytest.raises(DataUnreadable, match="--checkouts"):
        find_checkout(None, "owner/name")
    with pytest.raises(DataUnreadable, match="is no git repository"):
        OwnHistory(Path("/")).tasks()


@pytest.mark.parametrize("name", ["x/..", "../x", "..", "https://github.com/x/..", "x/."])
def test_no_name_of_a_repository_leads_out_of_the_checkouts(tmp_path: Path, name: str) -> None:
    for folder in (tmp_path, tmp_path / "x"):
        (folder / ".git").mkdir(parents=True)
    (tmp_path / "checkouts").mkdir()
    with pytest.raises(DataUnreadable, match="is no name of a repository"):
        find_checkout(str(tmp_path / "checkouts"), name)


@pytest.mark.parametrize(
    "path",
    [".git/config", ".GIT/config", "sub/.git/config", ".git./config", "link/config", "../up"],
)
def test_no_overlay_reaches_the_configuration_of_git(
    repository: Path, tmp_path: Path, path: str
) -> None:
    """It names programs that `git add` would run here."""
    (repository / "link").symlink_to(".git")
    git(repository, "add", "link")
    git(repository, "commit", "-q", "-m", "A link")
    config = f'[filter "x"]\n\tclean = touch {tmp_path}/ran; cat\n'.encode()
    overlay = {".gitattributes": (None, b"* filter=x\n"), path: (None, config)}
    with (
        GitSource(repository).opened() as source,
        pytest.raises((GitFailed, OSError)),
    ):
        source.export(source.commit("HEAD"), tmp_path / "out", overlay)
    assert not (tmp_path / "ran").exists()
