"""Commands are read from a comment of anybody, in the process that serves everybody."""

from __future__ import annotations

import pytest

from workers.forges.webhook.comment_command import Action, Command, read_command

MANY = 60_000
"""About as many characters as a comment has."""


@pytest.mark.parametrize("blank", [" ", "\t", " \t"])
def test_a_line_of_blanks_is_read_to_its_end(blank: str) -> None:
    """With two places for each blank it would take longer than anybody waits."""
    assert read_command(f"/repair{blank * MANY}\rx") is None


def test_a_long_word_is_read_to_its_end() -> None:
    assert read_command(f"/{'repair' * MANY}\rx") is None


def test_blanks_around_the_tests_are_passed_over() -> None:
    body = "please:\r\n  /Repair: \t tests/test_x.py::test_y \t\r\nthanks"
    assert read_command(body) == Command(Action.REPAIR, ("tests/test_x.py::test_y",))
    assert read_command("/repair  \r\n") == Command(Action.REPAIR)
