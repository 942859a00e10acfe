"""Times, commits and ids as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workers.web.pages.templates import ago, short_commit, short_job

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (47 * 3600, "47 h ago"),
        (48 * 3600, "2 days ago"),
        (90 * 86400, "90 days ago"),
    ],
)
def test_ago(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_short_names() -> None:
    assert short_commit("0123456789abcdef0123456789abcdef01234567") == "0123456789"
    assert short_commit("v1.2-a-branch-with-a-long-name") == "v1.2-a-branch-with-a-long-name"
    assert short_job("20261130-161950-4884ba71") == "4884ba71"
