from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from cli.errors import BadInput
from cli.options import arguments


@pytest.mark.parametrize(
    ("words", "expanded"),
    [
        ([".", "--only", "a", "b"], [".", "--only", "a", "--only", "b"]),
        ([".", "--only", "a", "--json"], [".", "--only", "a", "--json"]),
        (
            [".", "--only", "a", "b", "--at", "v1", "--only", "c"],
            [".", "--only", "a", "--only", "b", "--at", "v1", "--only", "c"],
        ),
        (["--only", "t::x[a b]", "--", "-odd"], ["--only", "t::x[a b]", "--", "-odd"]),
        ([".", "--only"], [".", "--only"]),
    ],
)
def test_only_takes_several(words: list[str], expanded: list[str]) -> None:
    assert arguments.expand_variadic(words, "--only") == expanded


@pytest.mark.parametrize(
    "target", ["https://host/a/b.git", "git@host:a/b", "host:a", "ssh://git@host/a", "file:///a"]
)
def test_urls_are_told_from_folders(target: str) -> None:
    assert arguments.is_url(target)
    arguments.check_target(target, writes=None)
    with pytest.raises(BadInput, match="--apply needs a local folder"):
        arguments.check_target(target, writes="--apply")


def test_a_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert arguments.lasting_target("x") == str(tmp_path / "x")
    assert arguments.lasting_target("https://h/x") == "https://h/x"


def test_a_target_that_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.touch()
    with pytest.raises(BadInput, match="is a file; give the folder"):
        arguments.check_target(str(file), writes=None)
    with pytest.raises(BadInput, match=r"There is no folder .*nowhere"):
        arguments.check_target(str(tmp_path / "nowhere"), writes=None)
    with pytest.raises(BadInput, match="empty text"):
        arguments.check_target(" ", writes=None)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_time_must_be_some_and_end(seconds: float) -> None:
    with pytest.raises(BadInput, match="--max-seconds"):
        arguments.check_seconds(seconds)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(BadInput, match="auto, docker, bubblewrap, process"):
        arguments.check_sandbox("chroot")
    with pytest.raises(BadInput, match="--max-candidates 0"):
        arguments.check_candidates(0)


@pytest.mark.parametrize("python", [None, "3.11", "3.12.4", sys.executable])
def test_pythons_that_can_be(python: str | None) -> None:
    assert arguments.check_python(python) == python


@pytest.mark.parametrize("python", ["2.7", "3", "three", "/no/such/python"])
def test_pythons_that_cannot_be(python: str) -> None:
    with pytest.raises(BadInput, match="--python"):
        arguments.check_python(python)


def test_output_must_be_a_file_in_a_folder_that_exists(tmp_path: Path) -> None:
    assert arguments.check_output(tmp_path / "fix.diff") == tmp_path / "fix.diff"
    with pytest.raises(BadInput, match="is a folder"):
        arguments.check_output(tmp_path)
    with pytest.raises(BadInput, match="there is no folder"):
        arguments.check_output(tmp_path / "no" / "fix.diff")


def test_issue_from_text_file_and_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bug.md"
    file.write_bytes("it crashes \xff".encode("latin-1"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("größe".encode())))
    assert arguments.problem_statement("the total is wrong") == "the total is wrong"
    assert arguments.problem_statement(str(file)) == "it crashes \N{REPLACEMENT CHARACTER}"
    assert arguments.problem_statement("-") == "größe"
    assert arguments.problem_statement(None) is None


def test_issue_that_says_nothing_or_too_much(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--issue is empty"):
        arguments.problem_statement("  \n")
    with pytest.raises(BadInput, match="there is no file"):
        arguments.problem_statement(str(tmp_path / "missing.md"))
    with pytest.raises(BadInput, match="256 KiB"):
        arguments.problem_statement("x " * 200_000)
