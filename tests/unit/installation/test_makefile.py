"""`make repair`: what a person and what a script see of how it ended."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """`make repair` with a command that finds no patch."""
    program = tmp_path / "bin" / "repair"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho Not repaired\nexit 1\n")
    program.chmod(0o755)
    venv = str(tmp_path)
    return ["make", "-C", str(TOP), "-o", f"{venv}/.light", f"VENV={venv}", "repair"]


def test_a_script_sees_that_it_is_not_repaired(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Error 1" in done.stderr


def test_a_person_reads_it(command: list[str]) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(command, stdout=theirs, stderr=theirs, check=False)
        os.close(theirs)
        shown = _rest(ours)
    finally:
        os.close(ours)
    assert done.returncode == 0
    assert "Not repaired" in shown
    assert "***" not in shown


def _rest(terminal: int) -> str:
    """All that was written to a terminal: one read may give a part of it."""
    chunks = []
    with suppress(OSError):  # Linux's way to tell the end
        while chunk := os.read(terminal, 65_536):
            chunks.append(chunk)
    return b"".join(chunks).decode()
