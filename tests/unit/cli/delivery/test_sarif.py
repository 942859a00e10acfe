"""SARIF 2.1.0: the rules of its specification that consumers check."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from agent.patches.changes import diff_bytes, diff_text, unified_diff
from agent.patches.unified_diff import replaced_lines
from agent.records import Status, SuspiciousLine
from cli.delivery.sarif import sarif, write_sarif
from tests.support.cli_records import make_result

LEVELS = {"none", "note", "warning", "error"}


def _check(log: dict[str, Any]) -> None:
    """Structure as §3 of the specification asks for it, of what is used here."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].startswith("https://")
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        assert driver["name"]
        rules = [rule["id"] for rule in driver["rules"]]
        assert len(rules) == len(set(rules))
        assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
        for result in run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in LEVELS
            assert result["message"]["text"]
            assert 0.0 <= result.get("rank", 0.0) <= 100.0
            assert result["locations"]
            for location in result["locations"]:
                _check_location(run, location["physicalLocation"])
            for fix in result.get("fixes", ()):
                _check_fix(run, fix)
    json.dumps(log)


def _check_location(run: dict[str, Any], location: dict[str, Any]) -> None:
    _check_artifact(run, location["artifactLocation"])
    _check_region(location["region"])


def _check_artifact(run: dict[str, Any], artifact: dict[str, str]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~/%@:+-]+", artifact["uri"])  # RFC 3986, relative
    assert not artifact["uri"].startswith("/")
    assert artifact["uriBaseId"] in run["originalUriBaseIds"]


def _check_region(region: dict[str, int]) -> None:
    assert region["startLine"] >= 1
    assert region["endLine"] >= region["startLine"]
    assert region.get("startColumn", 1) >= 1
    assert region.get("endColumn", 1) >= 1


def _check_fix(run: dict[str, Any], fix: dict[str, Any]) -> None:
    assert fix["artifactChanges"]
    for change in fix["artifactChanges"]:
        _check_artifact(run, change["artifactLocation"])
        assert change["replacements"]
        for replacement in change["replacements"]:
            _check_region(replacement["deletedRegion"])


def _replaced(old: str, log: dict[str, Any]) -> str:
    """What the fix makes of a text, read as the specification says."""
    (change,) = log["runs"][0]["results"][0]["fixes"][0]["artifactChanges"]
    lines = [*re.findall(r".*\n|.+", old), ""]
    for one in reversed(change["replacements"]):
        region = one["deletedRegion"]
        start = sum(map(len, lines[: region["startLine"] - 1]))
        if "endColumn" in region:
            end = sum(map(len, lines[: region["endLine"] - 1])) + region["endColumn"] - 1
        else:
            end = sum(map(len, lines[: region["endLine"]]))
        old = old[:start] + one.get("insertedContent", {"text": ""})["text"] + old[end:]
    return old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\nb\nc\n", "a\nc\n"),
        ("a\nb\n", "a\nb\nc\n"),
        ("a\nb", "a\nB"),
        ("a\n" * 9 + "b\n" + "c\n" * 9, "A\n" + "a\n" * 8 + "b\n" + "c\n" * 8 + "C\n"),
    ],
)
def test_a_fix_says_what_the_patch_says(old: str, new: str) -> None:
    result = make_result()
    assert result.patch is not None
    diff = diff_text(unified_diff({"a b.py": (old.encode(), new.encode())}))
    log = sarif(replace(result, patch=replace(result.patch, diff=diff)))
    _check(log)
    assert _replaced(old, log) == new


def test_places_and_patch() -> None:
    line = SuspiciousLine(path="src/ü.py", line=3, score=0.5, ochiai=1.0, dstar=2.0, last_line=5)
    log = sarif(make_result(suspicious=(line,)), PurePosixPath("package"))
    _check(log)
    patch, place = log["runs"][0]["results"]
    uri = patch["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "package/src/money.py"
    assert place["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "endLine": 5}
    assert "fixes" not in place


def test_nothing_found() -> None:
    log = sarif(make_result(patch=None, suspicious=(), status=Status.NOT_REPAIRED))
    _check(log)
    assert log["runs"][0]["results"] == []


def test_a_folder_below_the_top_of_its_repository(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "one"
    package.mkdir(parents=True)
    for name in ("objects", "refs"):
        (tmp_path / ".git" / name).mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    write_sarif(tmp_path / "out.sarif", make_result(), str(package))
    log = json.loads((tmp_path / "out.sarif").read_text())
    _check(log)
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "packages/one/src/money.py"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../x.py", "a/../../x.py", "//evil/x.py", ".git/config", "a/.GIT/x"]
)
def test_a_foreign_result_names_nothing_outside_the_repository(path: str) -> None:
    line = SuspiciousLine(path=path, line=3, score=0.5, ochiai=1.0, dstar=2.0, last_line=5)
    result = make_result(suspicious=(line, replace(line, path="a.py", line=0)))
    assert result.patch is not None
    changes = {path: (b"a\n", b"b\n"), "b.py": (b"a\n", b"b\n")}
    diff = diff_text(unified_diff(changes))
    assert path in {lines.path for lines in replaced_lines(diff_bytes(diff))}
    log = sarif(replace(result, patch=replace(result.patch, diff=diff)))
    assert log["runs"][0]["results"] == []


def test_messages_hold_no_links() -> None:
    result = make_result()
    assert result.patch is not None
    link = "[click](https://evil.example) \\[x](1)"
    candidate = replace(result.patch.candidate, description=link)
    patch = replace(result.patch, candidate=candidate, cautions=(link,))
    line = SuspiciousLine(path="a.py", line=1, score=0.5, ochiai=1.0, dstar=2.0, reasons=(link,))
    log = sarif(replace(result, patch=patch, suspicious=(line,)))
    _check(log)
    found, place = log["runs"][0]["results"]
    for text in (found["message"], place["message"], found["fixes"][0]["description"]):
        assert r"\[click\](https" in text["text"]
        assert r" \\\[x\](1)" in text["text"]
