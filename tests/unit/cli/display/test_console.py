"""Terminals that are not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[4]
ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
RESULT = """
import sys
from cli.display.console import make_console, say, survive_every_encoding
from cli.display.result import Delivery, render
from tests.support.cli_records import make_result, with_answers

survive_every_encoding()
answers = ("f(\\u00e4, 1)", "\\u2192" * 90, "a"), ("g(1)", "0", "\\udcff\\x1b")
render(make_console(sys.stdout), with_answers(make_result(), *answers), Delivery())
say("\\u2192 \\u00e4 \\udcff")
"""


def _run(words: list[str], tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *words],
        env={"PYTHONPATH": str(TOP), "REPAIR_STATE_DIR": str(tmp_path), **variables},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [["--help"], ["localize", "--help"], ["list"], ["nosuch\u2192"]])
def test_commands_under_ascii(words: list[str], tmp_path: Path) -> None:
    path = os.environ["PATH"]
    done = _run(["-m", "cli.main", *words], tmp_path, PATH=path, **ASCII)
    assert done.returncode == (2 if "nosuch" in words[0] else 0), done.stderr
    assert (done.stdout + done.stderr).isascii()
    assert b"Traceback" not in done.stderr


def test_a_result_under_ascii(tmp_path: Path) -> None:
    done = _run(["-c", RESULT], tmp_path, **ASCII)
    assert done.returncode == 0, done.stderr
    assert b"`<=` -> `<` in src/money.py:2" in done.stdout
    heading, first, second = done.stdout.decode().split("answers  ")[1].splitlines()[:3]
    assert first.strip().startswith(r"f(\xe4, 1)  ->->->")
    assert "...->" in first
    assert second.endswith(r"\udcff\x1b")
    column = 13 + heading.index("after")
    assert (first[column:], second[column:]) == ("a", r"\udcff\x1b")
    assert done.stderr == rb"-> \xe4 \udcff" + b"\n"


def test_a_lone_surrogate_under_utf_8(tmp_path: Path) -> None:
    done = _run(["-c", RESULT], tmp_path, PYTHONIOENCODING="utf-8")
    assert done.returncode == 0
    assert "\u2192 \u00e4 ".encode() + rb"\udcff" in done.stderr
