"""Passwords in addresses stay out of what is published, whole or cut off."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workers.forges.api.markdown import clean


@pytest.mark.parametrize("end", ["@host/path", "…", "2hunter2…"])
def test_a_password_is_not_shown_however_the_line_ends(end: str) -> None:
    assert "hunter" not in clean(f"pip install -i https://user:hunter2{end}")


def test_an_address_without_one_stays() -> None:
    assert clean("see https://host:8000/path and a: b") == "see https://host:8000/path and a: b"


def test_a_web_token_is_not_shown() -> None:
    token = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"
    assert clean(f"sent {token}, {token}") == "sent [redacted], [redacted]"


@pytest.mark.parametrize(
    "call",
    [
        "from workers.forges.api.markdown import clean; clean('eyJ-' * 500_000)",
        "from workers.forges.publish.advice import advised; advised('x' * 2_000_000)",
        "from workers.forges.publish.advice import advised; advised('`repair ' + 'x' * 2_000_000)",
    ],
    ids=["token", "clause", "command"],
)
def test_a_text_of_a_repository_costs_no_more_than_its_length(call: str) -> None:
    """In a process of its own, which the kernel ends where that grows with the square: the first
    took 15 s for a twentieth of it, and held the interpreter."""
    program = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, 60)); {call}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
