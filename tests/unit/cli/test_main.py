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
from agent.runs.trajectory import Step, Trajectory
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


@pytest.mark.parametrize(
    "words", [["-h"], ["show", "-h"], ["model", "-h"], ["model", "check", "-h"]]
)
def test_the_short_form_of_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert "Usage: repair" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "meant"), [("shwo", "show"), ("submitt", "submit"), ("xyzzy", ""), ("./shwo", "")]
)
def test_a_command_that_was_mistyped(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word]) == 2
    told = capsys.readouterr().err
    assert told.startswith("repair: There is no folder")
    assert (f"`repair {meant}`" in told) == bool(meant)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([".", "--nope"], "repair"),
        (["show", "--nope"], "repair show"),
        (["model", "check", "--nope"], "repair model check"),
    ],
)
def test_a_wrong_option_leads_to_the_help_of_its_command(
    words: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert f"Try `{command} --help`." in told
    assert "Possible options" not in told


def test_a_mistyped_option_names_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([".", "--max-second", "3"]) == 2
    assert "--max-seconds" in capsys.readouterr().err


HELP_TEXTS = {
    "": ["141", "--version", "-V", "--apply-repaired"],
    "verify": [
        "{RUN|RESULT.json}",
        *("Needed: what the file names is not used", "nothing is verified (exit code 2)"),
        *("0 confirmed", "3 no verdict", "5 confirmed, plausible only"),
        *("the commit that the result names", "the version that the result names"),
    ],
    "logs": ["one JSON object a line"],
    "list": ["a JSON array"],
    "localize": ["Time for the tests and the ranking"],
    "mcp": ["verify, status and cancel", "client may give to one run"],
}


@pytest.mark.parametrize("name", HELP_TEXTS)
def test_help_says_what_is(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main([*name.split(), "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in HELP_TEXTS[name]:
        assert part in text


def test_a_folder_comes_before_a_mistyped_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["lists"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("part", ["20261122", "3fa2", "20261122-103000-3fa2"])
def test_a_part_of_an_id_stands_for_its_run(
    run: RunFolder, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", part]) == 0
    assert "Repaired" in capsys.readouterr().out


def test_what_was_said_to_the_model_is_shown(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "3fa2", "--log"]) == 2
    assert "asked no model" in capsys.readouterr().err
    calls = ({"name": "bash", "arguments": {"command": "ls \x1b[31m"}},)
    Trajectory(run.trajectory).add(
        Step(conversation="model", kind="answer", turn=1, calls=calls, tokens=7)
    )
    assert main(["show", "3fa2", "--log"]) == 0
    assert capsys.readouterr().out == "── model, turn 1: answer, 7 tokens\n   bash ls \\x1b[31m\n"
    assert main(["show", "--log", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["turn"] == 1


def test_a_part_of_two_ids_or_none_stands_for_no_run(
    run: RunFolder, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_folder(Settings(state_dir=state), "20261122-103000-4fa2").save_job(
        RepairJob(run_id="20261122-103000-4fa2", target=".")
    )
    assert main(["show", "20261122"]) == 2
    assert "stands for 2 runs" in capsys.readouterr().err
    assert main(["show", "fa2"]) == 2
    assert main(["show", "../runs"]) == 2
    assert capsys.readouterr().err.count("There is no run") == 2


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
        ([".", "--apply", "--branch", "fix"], "--apply and --branch cannot be used together"),
        ([".", "--apply-repaired", "--branch", "fix"], "cannot be used together"),
        ([".", "--apply-repaired", "--apply"], "cannot be used together"),
        ([".", "--issue", ""], "--issue"),
        ([".", "--only"], "--only"),
        ([".", "--include-tests"], "No such option"),
        (["https://host.invalid/x.git", "--apply"], "--apply"),
        (["https://host.invalid/x.git", "--branch", "b"], "--branch"),
        (["localize", ".", "--top", "0"], "--top 0"),
        (["localize"], "REPO"),
        (["show", "20260101-000000-0000"], "there is no run"),
        (["resume", "../etc"], "there is no run"),
        (["verify", "./nowhere.json", "."], "There is no file"),
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
    assert shown.pop("exit_code") == 0
    assert shown.pop("status") == "repaired"
    assert shown.pop("reason") == stored["result"]["reason"]
    assert shown.pop("log") is None
    assert shown == stored


def test_show_a_run_without_a_patch(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(make_result(status=Status.FLAKY, patch=None, reason="they pass, too"), run.result)
    assert main(["show", run.run_id]) == 0
    assert "Flaky tests, not a bug to repair: they pass, too" in capsys.readouterr().out
    assert main(["show", run.run_id, "--patch"]) == 2


def test_the_patch_alone_is_that_of_the_newest_run_with_one(
    run: RunFolder, state: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    newer = new_folder(Settings(state_dir=state), "20261122-113000-4fa2")
    newer.save_job(RepairJob(run_id=newer.run_id, target="."))
    write_result(make_result(run_id=newer.run_id, status=Status.FLAKY, patch=None), newer.result)
    assert main(["show", "--patch"]) == 0
    assert capsysbinary.readouterr().out == DIFF.encode()
    assert main(["show"]) == 0
    assert b"Flaky" in capsysbinary.readouterr().out


def test_a_run_without_a_result_says_what_becomes_of_it(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = new_folder(Settings(state_dir=state), "20261122-103000-3fa3")
    folder.save_job(RepairJob(run_id=folder.run_id, target="."))
    with folder.attempt():
        assert main(["show", folder.run_id]) == 2
    assert "has no result yet: it is still running" in capsys.readouterr().err
    assert main(["show", folder.run_id]) == 2
    assert f"`repair resume {folder.run_id}` goes on with it" in capsys.readouterr().err
    with pytest.raises(OSError, match="no space"), folder.attempt():
        raise OSError("no space")
    assert main(["show", folder.run_id]) == 2
    told = capsys.readouterr().err
    assert f"it failed (no space); `repair resume {folder.run_id}` tries it again" in told


def test_a_run_that_was_cut_off_is_listed_as_interrupted(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    write_result(make_result(status=Status.CANCELLED), run.result)
    assert main(["list"]) == 0
    assert " interrupted " in capsys.readouterr().out


def test_apply_and_branch_are_refused_for_a_resumed_run_too(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", run.run_id, "--apply", "--branch", "fix"]) == 2
    assert "cannot be used together" in capsys.readouterr().err


def test_sarif_says_where_it_is(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", run.run_id, "--sarif", str(tmp_path / "a.sarif")]) == 0
    assert f"SARIF: {tmp_path / 'a.sarif'}" in capsys.readouterr().err


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
