"""What a stranger's patch holds is read on the host: it takes no memory there and ends nothing."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import ResultUnreadable
from agent.patches.path_rules import construct_objections, outside_objection
from agent.patches.unified_diff import PatchRefused, apply_diff
from agent.records import SuspiciousLine
from agent.runs.result_file import read_result, write_result
from agent.selection.overfitting.anti_patterns import cautions_of
from cli.delivery.sarif import PATCH, sarif
from tests.support.cli_records import make_result

BASE = b"x = 1\n"
GROWN_KIBIBYTES = 200 * 1024


@pytest.mark.parametrize(
    "expression",
    [
        "'{:>1900000000}'.format('a')",
        "'{:>{}}'.format('a', '1900000000')",
        "'%1900000000s' % 'a'",
        "'%.1900000000s' % 'a'",
    ],
)
def test_a_text_of_gigabytes_is_not_made(expression: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    construct_objections({"calc.py": (BASE, f"x = {expression}\n".encode())})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWN_KIBIBYTES


@pytest.mark.parametrize(
    "expression", ["'py{:.9999}'.format('test')", "'py%.9999s' % 'test'", "'py{}'.format('test')"]
)
def test_a_width_hides_no_word(expression: str) -> None:
    said = construct_objections({"calc.py": (BASE, f"x = {expression}\n".encode())})
    assert "names `pytest`" in said[0]


@pytest.mark.parametrize(
    "line",
    [
        "x = '{0.y}'.format('a')",
        "x = 0x" + "f" * 5000,
        "if 0x" + "f" * 5000 + ":\n    x = 2",
    ],
    ids=["format", "number", "condition"],
)
def test_what_cannot_be_written_down_ends_nothing(line: str) -> None:
    changes = {"calc.py": (BASE, f"{line}\n".encode())}
    assert len(construct_objections(changes)) <= 1
    assert isinstance(cautions_of(changes, [f"{line}\n"]), tuple)


def test_a_number_of_thousands_of_digits_is_no_fault() -> None:
    """The honest counterpart: a large prime beside the line that is mended."""
    prime = b"PRIME = 0x" + b"f" * 5000 + b"\n"
    changes = {"calc.py": (prime + b"x = 1\n", prime + b"x = 2\n")}
    assert construct_objections(changes) == ()
    assert cautions_of(changes) == ()


def test_a_line_number_of_thousands_of_digits_is_refused() -> None:
    diff = b"--- a/x\n+++ b/x\n@@ -" + b"9" * 5000 + b",1 +1 @@\n-a\n+b\n"
    with pytest.raises(PatchRefused):
        apply_diff(diff, lambda _: b"a\n")


@pytest.mark.parametrize("seconds", ["1e999", "Infinity", "NaN"])
def test_a_result_that_took_for_ever_is_damaged(tmp_path: Path, seconds: str) -> None:
    path = tmp_path / "result.json"
    write_result(make_result(), path)
    document = json.loads(path.read_text())
    document["result"]["seconds"] = {"propose": 0.125}
    path.write_text(json.dumps(document).replace("0.125", seconds))
    with pytest.raises(ResultUnreadable, match="damaged"):
        read_result(path)


@pytest.mark.parametrize("path", ["a\ud800.py", "a\\b.py", "a\0.py"])
def test_a_path_that_no_file_has_is_shown_to_no_viewer(path: str) -> None:
    line = SuspiciousLine(path=path, line=1, last_line=1, score=0.5, ochiai=0.5, dstar=0.5)
    result = make_result(suspicious=(line,), patch=None)
    assert outside_objection(path) is not None
    assert sarif(result)["runs"][0]["results"] == []


def test_a_diff_that_is_no_text_is_shown_to_no_viewer() -> None:
    result = make_result()
    assert result.patch is not None
    patch = replace(result.patch, diff=result.patch.diff + "\ud800")
    results = sarif(replace(result, patch=patch))["runs"][0]["results"]
    assert PATCH in [r["ruleId"] for r in sarif(result)["runs"][0]["results"]]
    assert PATCH not in [r["ruleId"] for r in results]


def test_bytes_that_are_no_utf_8_are_a_path() -> None:
    """The honest counterpart."""
    assert outside_objection("caf\udce9.py") is None
