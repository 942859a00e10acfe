from __future__ import annotations

import json
from pathlib import Path

import pytest

from workers.host import part_log
from workers.host.part_log import PartLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.log"


def said(log: PartLog, *lines: str) -> None:
    with log.open() as stream:
        stream.write("".join(lines).encode())


def entry(level: str, event: str) -> str:
    return json.dumps({"level": level, "event": event, "logger": "x"}) + "\n"


def test_errors_are_told_once_and_nothing_else(path: Path) -> None:
    path.write_text(entry("error", "of an earlier service"))
    log = PartLog(path)
    assert path.stat().st_mode & 0o077 == 0
    said(log, "a banner\n", entry("info", "began"), entry("error", "bad \x1b[1m"), "[]\n", "3\n")
    said(log, entry("warning", "hm"), entry("critical", "worse"))
    assert log.new_errors() == ["bad \\x1b[1m", "worse"]
    assert log.new_errors() == []


def test_a_line_is_read_once_it_is_whole(path: Path) -> None:
    log = PartLog(path)
    line = entry("error", "whole")
    said(log, line[:9])
    assert log.new_errors() == []
    said(log, line[9:])
    assert log.new_errors() == ["whole"]


def test_the_last_words_are_those_of_this_process(path: Path) -> None:
    log = PartLog(path)
    said(log, "of the one before\n")
    with log.open() as stream:
        assert log.last_words() == ""
        stream.write(b"Traceback:\nValueError: \xff\x1b\n\n")
    assert log.last_words() == "ValueError: \\xff\\x1b"
    said(log, entry("error", "in fields"))
    assert log.last_words() == "in fields"


def test_a_long_file_begins_anew_and_the_writer_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_log, "MAX_BYTES", 100)
    log = PartLog(path)
    with log.open() as stream:
        stream.write(b"x" * 200 + b"\n")
        stream.flush()
        assert log.new_errors() == []
        stream.write(entry("error", "after").encode())
        stream.flush()
        assert path.read_text() == entry("error", "after")
        assert log.new_errors() == ["after"]
    old = path.with_name("web.log.1")
    assert old.read_text() == "x" * 200 + "\n"
    assert old.stat().st_mode & 0o077 == 0


def test_a_line_without_an_end_is_passed_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_log, "MAX_READ_BYTES", 80)
    log = PartLog(path)
    said(log, "y" * 80, "\n", entry("error", "a"))
    assert [error for _ in range(3) for error in log.new_errors()] == ["a"]


def test_a_file_that_people_emptied_or_removed_costs_nothing(path: Path) -> None:
    log = PartLog(path)
    said(log, entry("error", "first"), "z" * 200 + "\n")
    assert log.new_errors() == ["first"]
    path.write_text("")
    said(log, entry("error", "second"))
    assert log.new_errors() == ["second"]
    path.unlink()
    assert (log.new_errors(), log.last_words()) == ([], "")
    said(log, entry("error", "third"))
    assert log.new_errors() == ["third"]
