"""The command line as a whole, without a repair."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.config import Settings
from agent.records import RepairJob, Status
from agent.runs.folder import RunFolder, new_folder
from agent.runs.result_file import write_result
from cli.main import OTHERS, main
from tests.support.cli_records import DIFF, make_result

OPTIONS = ("at", "install", "test", "python", "only", "issue", "max-seconds", "max-candidates")
OPTIONS += ("sandbox", "runtime", "output", "apply", "branch", "json", "verbose")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("REPAIR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "state"


@pytest.fixture
def run(state: Path) -> RunFolder:
    folder = new_folder(Settings(state_dir=state), "20261122-103000-3fa2")
    folder.save_job(RepairJob(run_id=folder.run_id, target="/home/me/\x1b[31mproject"))
    write_result(make_result(), folder.result)
    folder.patch.write_text(DIFF)
    return folder


def test_help_says_what_a_newcomer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for option in OPTIONS:
        assert f"--{option} " in text
    for words in ("Examples", "Exit codes", "130 interrupted", "./list"):
        assert words in text
    for other in OTHERS:
        assert f"repair {other}" in text
    assert "--include-tests" not in text


def test_no_words_at_all_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage: repair" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"Usage: repair {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("repair 0.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["./nowhere"], "There is no folder ./nowhere"),
        ([".", "--max-seconds", "0"], "--max-seconds 0"),
        ([".", "--max-seconds", "soon"], "--max-seconds"),
        ([".", "--max-candidates", "-5"], "--max-candidates"),
        ([".", "--sandbox", "chroot"], "--sandbox"),
        ([".", "--python", "2"], "--python"),
        ([".", "--branch", "a..b"], "--branch"),
        ([".", "--output", "/no/such/folder/x"], "--output"),
        ([".", "--issue", ""], "--issue"),
        ([".", "--only"], "--only"),
        ([".", "--include-tests"], "No such option"),
        (["https://host.invalid/x.git", "--apply"], "--apply"),
        (["https://host.invalid/x.git", "--branch", "b"], "--branch"),
        (["localize", ".", "--top", "0"], "--top 0"),
        (["localize"], "REPO"),
        (["show", "20260101-000000-0000"], "there is no run"),
        (["resume", "../etc"], "there is no run"),
        (["verify", "./nowhere.json"], "There is no file"),
        (["./no\x1b[31m"], "\\x1b[31m"),
    ],
)
def test_bad_input_is_a_sentence_and_two(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("repair: ")
    assert sentence.lower() in err.lower()
    assert "\x1b" not in err


@pytest.mark.parametrize("words", [["./nowhere"], [".", "--no-such-option"], ["show", "x"]])
def test_with_json_bad_input_is_one_object(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json"]) == 2
    failure = json.loads(capsys.readouterr().out)
    assert (failure["status"], failure["exit_code"]) == ("failed", 2)
    assert failure["reason"]


def test_a_signal_before_the_run_begins_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "cli.options.request.RepairRequest.job",
        lambda *_: os.kill(os.getpid(), signal.SIGTERM),
    )
    before = signal.getsignal(signal.SIGTERM)
    assert main([".", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["exit_code"] == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_list_counts_what_an_interrupted_run_took(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = new_folder(Settings(state_dir=state), "20261122-103000-3fa3")
    folder.save_job(RepairJob(run_id=folder.run_id, target="."))
    began = folder.job.stat().st_mtime
    folder.checkpoints.write_bytes(b"")
    os.utime(folder.checkpoints, (began + 754, began + 754))
    assert main(["list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["status"], round(row["seconds"])) == ("interrupted", 754)


def test_a_setting_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPAIR_MEMORY_MEBIBYTES", "much")
    assert main(["list"]) == 2
    assert "REPAIR_MEMORY_MEBIBYTES" in capsys.readouterr().err


def test_list(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert run.run_id in text
    assert "repaired" in text
    assert "\x1b" not in text
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["status"] == "repaired"


def test_list_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "no runs yet" in capsys.readouterr().out


def test_show_the_newest_by_default(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show"]) == 0
    text = capsys.readouterr().out
    assert DIFF in text
    assert f"saved  {run.patch}" in text
    assert "Alternative" not in text
    assert main(["show", run.run_id, "--alternatives"]) == 0
    assert "Alternative 1" in capsys.readouterr().out


def test_show_the_patch_alone(run: RunFolder) -> None:
    argv = [sys.executable, "-m", "cli.main", "show", run.run_id, "--patch"]
    assert subprocess.run(argv, check=True, capture_output=True).stdout == DIFF.encode()


def test_show_json_is_the_result_file(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run.result), "--json"]) == 0
    shown, stored = json.loads(capsys.readouterr().out), json.loads(run.result.read_text())
    assert shown["result"].pop("result_path") == str(run.result)
    assert stored["result"].pop("result_path") is None
    assert shown == stored


def test_show_a_run_without_a_patch(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(make_result(status=Status.FLAKY, patch=None, reason="they pass, too"), run.result)
    assert main(["show", run.run_id]) == 0
    assert "Flaky tests, not a bug to repair: they pass, too" in capsys.readouterr().out
    assert main(["show", run.run_id, "--patch"]) == 2


def test_a_damaged_result(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    run.result.write_text('{"schema": "other"')
    assert main(["show", run.run_id]) == 2
    assert "not JSON" in capsys.readouterr().err


def test_a_reader_that_goes_away(run: RunFolder) -> None:
    argv = [sys.executable, "-m", "cli.main", "show", run.run_id]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert err == b""
    assert process.returncode == 141


def test_the_help_of_list_says_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--help"]) == 0
    text = capsys.readouterr().out
    for words in ("REPAIR_KEPT_RUNS", "REPAIR_RETENTION_DAYS", f"newest {Settings().kept_runs}"):
        assert words in text
    assert f"{Settings().retention_days:g} days" in " ".join(text.split())


def test_resuming_a_run_of_which_the_result_alone_is_kept(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", run.run_id]) == 2
    assert f"`repair show {run.run_id}`" in capsys.readouterr().err
    assert main(["show", run.run_id, "--patch"]) == 0
