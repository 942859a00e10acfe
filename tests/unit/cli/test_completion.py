"""What a shell is told that asks what could come next."""

from __future__ import annotations

import pytest

from cli.completion import COMPLETION_VARIABLE
from cli.main import main


def _asked(line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    words = line.split(" ")
    monkeypatch.setenv(COMPLETION_VARIABLE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    main([])
    return capfd.readouterr().out


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("repair loc", "localize"),
        ("repair list --js", "--json"),
        ("repair model se", "serve"),
        ("repair . --on", "--only"),
        ("repair --sea", "--search-seconds"),
    ],
)
def test_what_is_offered(
    line: str,
    offered: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert offered in _asked(line, monkeypatch, capfd).split()


def test_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    assert COMPLETION_VARIABLE in capsys.readouterr().out
    assert main(["completion", "tcsh"]) == 2
