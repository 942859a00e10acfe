"""Passwords in addresses stay out of what is published, whole or cut off."""

from __future__ import annotations

import pytest

from workers.github.api.markdown import clean


@pytest.mark.parametrize("end", ["@host/path", "…", "2hunter2…"])
def test_a_password_is_not_shown_however_the_line_ends(end: str) -> None:
    assert "hunter" not in clean(f"pip install -i https://user:hunter2{end}")


def test_an_address_without_one_stays() -> None:
    assert clean("see https://host:8000/path and a: b") == "see https://host:8000/path and a: b"
