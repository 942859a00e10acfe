from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.events import StageStarted, Warned
from cli.display.log import RunLog
from cli.display.progress.watch import Stopped, guarded
from cli.errors import ApplyRefused, BadInput
from sandbox.errors import BadTarget, SandboxUnavailable


def failing(error: Exception, log_path: Path | None = None) -> Callable[[RunLog], int]:
    def work(log: RunLog) -> int:
        log.path = log_path
        log(StageStarted(stage="prepare"))
        log(Warned(text="\x1b[31mfrom the target"))
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("give a folder"), 2),
        (ApplyRefused("it changed"), 2),
        (BadTarget("no such commit"), 2),
        (SandboxUnavailable("install bubblewrap"), 3),
        (OSError(28, "No space left on device"), 3),
        (RuntimeError("unforeseen"), 3),
        (Stopped("stopped"), 130),
    ],
)
def test_errors_become_sentences(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(failing(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("repair: ")
    assert "Traceback" not in err


def test_infrastructure_leaves_a_log_to_paste(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs" / "r" / "log.txt"
    assert guarded(failing(SandboxUnavailable("no engine"), path)) == 3
    assert str(path) in capsys.readouterr().err
    text = path.read_text()
    assert text.startswith("repair ")
    assert "prepare ..." in text
    assert "sandbox.errors.SandboxUnavailable: no engine" in text
    assert "\x1b" not in text


def test_bad_input_leaves_no_log(tmp_path: Path) -> None:
    assert guarded(failing(BadTarget("x"), tmp_path / "log.txt")) == 2
    assert not (tmp_path / "log.txt").exists()


def test_a_log_that_cannot_be_written_is_not_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert guarded(failing(SandboxUnavailable("x"), tmp_path / "file" / "log.txt")) == 3
    assert "log" not in capsys.readouterr().err


def test_json_reports_a_failure_as_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(failing(SandboxUnavailable("no \x1b[31mengine")), as_json=True) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema": "repair-result/1",
        "result": None,
        "evidence": None,
        "log": None,
        "status": "failed",
        "exit_code": 3,
        "reason": "No \x1b[31mengine",
    }
    assert "\x1b" not in out + err
