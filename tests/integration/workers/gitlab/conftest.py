"""A service beside a stand-in of GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.github_case import policy_file
from tests.support.gitlab_case import GitLabCase, running_gitlab_case
from workers.store import effects


@pytest.fixture
def case(tmp_path: Path) -> Iterator[GitLabCase]:
    with running_gitlab_case(tmp_path, "https://repair.example.com") as running:
        yield running


@pytest.fixture
def open_case(tmp_path: Path) -> Iterator[GitLabCase]:
    """With every trigger on, for this very project."""
    causes = '"label", "command", "check", "pull_request", "review", "moved"'
    text = f'[defaults]\ntriggers = []\n[repositories."Acme/Ledger"]\ntriggers = [{causes}]\n'
    with running_gitlab_case(tmp_path, policy=policy_file(tmp_path, text)) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A side effect that was begun is up for being looked at again at once."""
    monkeypatch.setattr(effects, "MAX_EFFECT_SECONDS", -1.0)
