"""The options of the model, checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.main import main
from cli.options.arguments import check_count, check_model, check_model_url, check_search_seconds


def test_a_script_and_a_checkpoint_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.jsonl").touch()
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").touch()
    assert check_model("scripted:s.jsonl", None) == f"scripted:{tmp_path}/s.jsonl"
    assert check_model("weights", None) == str(tmp_path / "weights")
    assert check_model("any-name", "http://localhost:1/v1") == "any-name"
    assert check_model(None, None) is None


@pytest.mark.parametrize(
    ("model", "url", "words"),
    [
        ("nowhere", None, "no config.json"),
        ("scripted:nowhere", None, "there is no script"),
        (None, "localhost:8000", "starts with http"),
    ],
)
def test_what_cannot_be_a_model_is_said(model: str | None, url: str | None, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check_model(model, check_model_url(url))


def test_numbers_without_sense_are_refused() -> None:
    assert check_count(1, "--max-turns") == 1
    assert check_search_seconds(0) == 0
    with pytest.raises(BadInput, match="--max-turns 0 cannot be used; give 1 or more"):
        check_count(0, "--max-turns")
    with pytest.raises(BadInput, match="1 to 32"):
        check_count(33, "--candidates", 32)
    with pytest.raises(BadInput, match="--search-seconds -1 is no time"):
        check_search_seconds(-1)


def test_a_folder_without_weights_ends_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("REPAIR_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    code = main([str(tmp_path), "--model", str(tmp_path / "model")])
    assert code == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert "has a config.json but no weights" in said.err
    assert said.err.startswith(f"repair: {tmp_path}")  # a path keeps its own letters
    assert "prepare" not in said.out


def test_a_damaged_script_ends_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("REPAIR_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "test_a.py").write_text("def test():\n    assert False\n")
    (tmp_path / "s.jsonl").write_text("{not json\n")
    code = main([str(tmp_path / "t"), "--model", f"scripted:{tmp_path}/s.jsonl"])
    assert code == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert "s.jsonl:1 is not JSON" in said.err
    assert "prepare" not in said.out


def test_the_model_command_is_wired(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "check", "--help"]) == ExitCode.OK
    assert "--context-window" in capsys.readouterr().out
    assert main(["model", "check"]) == ExitCode.BAD_INPUT
