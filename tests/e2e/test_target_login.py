"""A password in the URL of the repository: it opens the door, and is found nowhere afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.git_server import IN_URL, SECRETS, guarded_repository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "code.py").write_text("one = 1\n")  # no tests: nothing has to be installed
    git = ["git", "-C", str(project), "-c", "user.name=A", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    (tmp_path / "served").mkdir()
    with guarded_repository(project, tmp_path / "served") as served:
        yield served


def _repair(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {
        "REPAIR_STATE_DIR": str(tmp_path / "state"),
        "REPAIR_CACHE_DIR": str(tmp_path / "cache"),
        "REPAIR_DATABASE_URL": f"sqlite:///{tmp_path}/state/service.sqlite",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        env={**os.environ, **own},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def _check_nothing_kept(tmp_path: Path, result: subprocess.CompletedProcess[str]) -> None:
    texts = [result.stdout.encode(), result.stderr.encode()]
    for folder in ("state", "cache"):
        texts += [p.read_bytes() for p in (tmp_path / folder).rglob("*") if p.is_file()]
    for secret in SECRETS:
        assert not any(secret.encode() in text for text in texts)


def test_a_repair_keeps_no_password(address: str, tmp_path: Path) -> None:
    result = _repair(tmp_path, f"http://{IN_URL}{address}", "--at", "main", "--json")
    assert '"no_tests"' in result.stdout, result.stderr
    assert list((tmp_path / "state").rglob("job.json"))
    _check_nothing_kept(tmp_path, result)


def test_a_failed_repair_keeps_no_password(address: str, tmp_path: Path) -> None:
    url = f"http://{IN_URL}{address}".replace("/project", "/absent")
    result = _repair(tmp_path, url)
    assert "cannot be cloned" in result.stderr
    _check_nothing_kept(tmp_path, result)


def test_a_job_with_a_password_is_not_queued(address: str, tmp_path: Path) -> None:
    result = _repair(tmp_path, "submit", f"http://{IN_URL}{address}")
    assert "credential helper" in result.stderr
    _check_nothing_kept(tmp_path, result)


def test_a_misused_command_shows_no_password(address: str, tmp_path: Path) -> None:
    result = _repair(tmp_path, ".", f"http://{IN_URL}{address}", "--json")
    assert "unexpected extra argument" in result.stderr
    _check_nothing_kept(tmp_path, result)
