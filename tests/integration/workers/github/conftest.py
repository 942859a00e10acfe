"""A service beside a stand-in of GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.github_case import Case, policy_file, running_case
from workers.store import effects


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with running_case(tmp_path) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def any_case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """On each database, for what leans on locks, transactions and conflicts."""
    on_postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres").database() if on_postgres else ""
    with running_case(tmp_path, url) as running:
        yield running


@pytest.fixture
def open_case(tmp_path: Path) -> Iterator[Case]:
    """With every trigger on."""
    causes = '"label", "command", "check", "pull_request", "review", "moved", "schedule"'
    policy = policy_file(tmp_path, f"[defaults]\ntriggers = [{causes}]\n")
    with running_case(tmp_path, policy=policy) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A side effect that was begun is up for being looked at again at once."""
    monkeypatch.setattr(effects, "MAX_EFFECT_SECONDS", -1.0)
