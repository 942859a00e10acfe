"""User and password in the URL of a repository."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.records import RepairJob
from agent.serialization import plain, restore
from sandbox.errors import BadTarget
from sandbox.git.login import kept_target, split_login, without_login
from sandbox.host import programs
from sandbox.snapshots.checkout import resolve
from tests.support.git_server import IN_URL, PASSWORD, SECRETS, USER, guarded_repository

ELSEWHERE = (
    "https://u:p/ss@host/x.git",
    "https://u:p@ss@host/x.git",
    "https://host/x.git?token=s",
    "https://host/x.git#s",
    "https:/u:p@host/x",
    "u:p@host:x",
)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "code.py").write_text("one = 1\n")
    git = ["git", "-C", str(project), "-c", "user.name=A", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    (tmp_path / "served").mkdir()
    with guarded_repository(project, tmp_path / "served") as served:
        yield served


def test_a_url_is_split() -> None:
    kept, login = split_login(f"https://{IN_URL}host:8443/a/b.git")
    assert kept == "https://host:8443/a/b.git"
    assert login is not None
    assert (login.user, login.password) == (USER, PASSWORD)
    assert not any(secret in repr(login) for secret in (USER, *SECRETS))


@pytest.mark.parametrize(
    "target",
    [
        *("https://host/a.git", "git@host:a/b.git", "ssh://git@host/a", "/a/b@c", "./a:b", "."),
        *("file:///a/b@c", "C:", "https://host/~a/b"),
    ],
)
def test_what_holds_no_password_stays(target: str) -> None:
    assert split_login(target) == (target, None)
    assert kept_target(target) == target


def test_the_user_of_ssh_stays_without_a_password() -> None:
    assert split_login("ssh://git:secret@host/a") == ("ssh://git@host/a", None)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_what_may_hold_a_password_elsewhere_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"URL") as error:
        split_login(target)
    assert "p@" not in str(error.value)
    assert "ss@" not in str(error.value)


@pytest.mark.parametrize("target", ["https://u:secret@h/x", "https://tok@h/x", "ssh://g:pw@h/x"])
def test_a_queued_job_keeps_none(target: str) -> None:
    with pytest.raises(ValueError, match="credential helper"):
        kept_target(target)


def test_a_job_holds_none_also_of_an_earlier_version() -> None:
    job = RepairJob(run_id="r", target=f"https://{IN_URL}host/a.git")
    assert job.target == "https://host/a.git"
    old = json.loads(json.dumps(plain(job))) | {"target": f"https://{IN_URL}host/a.git"}
    assert restore(RepairJob, old).target == "https://host/a.git"
    assert without_login(f"HTTPS://{IN_URL}host") == "HTTPS://host"


def test_a_fetch_logs_in_and_shows_nothing(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    start: Any = programs.start

    def watched(argv: list[str], **options: Any) -> Any:
        shown.append(" ".join(argv))
        return start(argv, **options)

    monkeypatch.setattr(programs, "start", watched)
    tree = resolve(f"http://{IN_URL}{address}", "main", tmp_path / "scratch")
    assert (tree.root / "code.py").read_text() == "one = 1\n"
    kept, login = split_login(f"http://{IN_URL}{address}")
    assert resolve(kept, "main", tmp_path / "again", login=login).base_commit == tree.base_commit
    assert shown
    assert not any(secret in line for secret in SECRETS for line in shown)


def test_the_users_own_helpers_learn_nothing(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    helper = f"\thelper = !tee -a {heard} >/dev/null; true\n"
    (tmp_path / ".gitconfig").write_text(
        f'[credential]\n{helper}[credential "http://127.0.0.1"]\n{helper}'
    )
    assert resolve(f"http://{IN_URL}{address}", "main", tmp_path / "scratch").base_commit
    assert not heard.exists()


def test_a_user_alone_leaves_the_password_to_the_users_own_helper(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    answer = tmp_path / "answer"
    answer.write_text(f'#!/bin/sh\ngrep -q "^username={USER}$" && echo "password={PASSWORD}"\n')
    answer.chmod(0o700)
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = {answer}\n")
    assert resolve(f"http://{USER}@{address}", "main", tmp_path / "scratch").base_commit


def test_a_wrong_password_is_not_told(address: str, tmp_path: Path) -> None:
    with pytest.raises(BadTarget, match="cannot be cloned") as error:
        resolve(f"http://{USER}:wrong-9d1@{address}", "main", tmp_path / "scratch")
    assert "wrong-9d1" not in str(error.value)
    assert USER not in str(error.value)
