from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.records import Status, SuspiciousLine
from agent.runs.folder import RunFolder
from cli.commands import localize
from cli.exit_codes import ExitCode
from tests.support.cli_records import make_result, terminal, written


@pytest.mark.parametrize("colour", [True, False])
def test_the_line_is_shown_and_coloured_where_there_are_colours(
    colour: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = 'return share + 1 if "a" else None'
    monkeypatch.setattr(localize, "_source", lambda _base, _line: source)
    line = SuspiciousLine(path="a.py", line=3, score=0.91, ochiai=0.9, dstar=16.0)
    console = terminal(width=120, colour=colour)
    console.print(localize._table((line,), RunFolder(tmp_path)))
    shown = written(console)
    if colour:
        assert "\x1b[1;31m0.910" in shown
        assert "share" in shown
        assert source not in shown  # its words have colours of their own
    else:
        assert "\x1b" not in shown
        assert source in shown


def test_json_says_why_there_are_no_places() -> None:
    ended = make_result(
        patch=None, suspicious=(), status=Status.NOTHING_TO_FIX, reason="all 3 tests pass"
    )
    assert localize._record(ended, (), ExitCode.OK) == {
        "run_id": ended.run_id,
        "status": "nothing_to_fix",
        "exit_code": 0,
        "reason": "all 3 tests pass",
        "places": [],
    }


def test_a_ranking_that_the_time_cut_off_is_not_told_as_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = make_result(patch=None, status=Status.BUDGET_EXHAUSTED, reason="the time is over")
    folder = RunFolder(tmp_path)
    assert localize._record(late, late.suspicious, ExitCode.OK)["reason"] == "the time is over"
    localize._tell(late, folder, 10, as_json=False)
    assert "warning: the time is over: the ranking may lack" in capsys.readouterr().err
    localize._tell(replace(late, status=Status.CANCELLED), folder, 10, as_json=False)
    assert "warning" not in capsys.readouterr().err
