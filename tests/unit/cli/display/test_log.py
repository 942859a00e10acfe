"""The log of a run that failed, which people paste into issues."""

from __future__ import annotations

from cli.display.log import RunLog


def test_it_shows_no_login_of_a_repository() -> None:
    words = ["https://robot:hunter2@host/x.git", "--at", "main", "--unknown=https://hunter2@host/y"]
    text = RunLog(words).text(ValueError("x"))
    assert "hunter2" not in text
    assert "https://host/x.git" in text
