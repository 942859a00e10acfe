"""Fetches that fail: what git says decides whether they are tried again."""

from __future__ import annotations

from functools import partial

import pytest

from sandbox.git.fetch import fetch_within
from tests.support.github_case import FILES, Case
from tests.support.github_stand_in.world import Refused
from workers.forges.errors import SourceUnavailable, Unreachable
from workers.github.api.tokens import READ_PERMISSIONS


def fetch(case: Case, name: str, commit: str) -> None:
    token = case.github.tokens.token(name, READ_PERMISSIONS).get_secret_value()
    case.github.source(name, "job").fetch(commit, token)


def test_the_name_of_a_repository_is_no_word_of_git(case: Case) -> None:
    name = "acme/rejected"
    commit = case.world.add_repo(name, FILES).tip("main") or ""
    case.world.answers.append(lambda m, p: Refused(502, "Bad gateway") if m == "GIT" else None)
    with pytest.raises(Unreachable, match=name):
        fetch(case, name, commit)
    case.world.answers.clear()
    fetch(case, name, commit)
    assert case.github.source(name, "job").has(commit)


def test_a_commit_that_is_not_there_is_not_asked_for_again(case: Case) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be fetched"):
        fetch(case, "acme/ledger", "d" * 40)


def test_a_repository_that_is_too_large_is_not_fetched_again(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = partial(fetch_within, most_bytes=10)
    monkeypatch.setattr("workers.forges.api.source.fetch_within", limited)
    with pytest.raises(SourceUnavailable, match="too large"):
        fetch(case, "acme/ledger", case.repo.tip("main") or "")
