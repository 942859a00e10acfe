from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from agent.records import Status
from cli.display.result import HEADLINES, Delivery, render, render_diff
from tests.support.cli_records import DIFF, make_result, terminal, written


def plain(console: Console) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", written(console))


def test_patch_evidence_and_what_to_do_next() -> None:
    console = terminal()
    saved = Path("/runs/a b/patch.diff")
    render(console, make_result(), Delivery(saved=saved, target="/home/me/project"))
    output = plain(console)
    assert DIFF in output
    assert "Repaired: a patch passed the verdict" in output
    assert "now pass  tests/test_money.py::test_split" in output
    assert "still pass  7 tests that passed before" in output
    assert "effort  1,234 candidates, 5.5 s" in output
    assert "caution  only one test speaks for it" in output
    assert "1 other patch passed the verdict" in output
    assert "git -C /home/me/project apply '/runs/a b/patch.diff'" in output


def test_what_was_set_aside_is_said_by_reason() -> None:
    console = terminal(width=200)
    result = make_result()
    assert result.baseline is not None
    aside = {
        "t::a": "why \x1b[1m",
        "t::b": "why \x1b[1m",
        "t::c": "other",
        "d": "3",
        "e": "4",
        "f": "4",
    }
    taken = replace(result.baseline, set_aside=aside)
    render(console, replace(result, baseline=taken), Delivery())
    output = plain(console)
    assert "set aside  t::a and 1 more: why \\x1b[1m" in output
    assert "t::c: other" in output
    assert "and 2 more for other reasons" in output


def test_the_diff_is_coloured_by_line() -> None:
    console = terminal()
    render_diff(console, DIFF)
    assert "\x1b[31m-    return position <= left" in written(console)
    assert "\x1b[32m+    return position < left" in written(console)
    assert "\x1b[36m@@ -1,3 +1,3 @@" in written(console)


def test_no_colour_means_no_escape_at_all() -> None:
    console = terminal(colour=False)
    render(console, make_result(), Delivery())
    assert "\x1b" not in written(console)


def test_hostile_diff_and_test_ids() -> None:
    console = terminal(colour=False)
    result = make_result()
    assert result.patch is not None
    verdict = replace(result.patch.verdict, fail_to_pass={"t[\x1b]52;c;ZXZpbA==\x07]": "passed"})
    diff = DIFF.replace("# end", "# \x1b[8mhidden\x1b[0m [link=evil]x[/link]")
    patch = replace(result.patch, diff=diff, verdict=verdict)
    render(console, replace(result, patch=patch, reason="\x1b[1A[red]"), Delivery())
    output = written(console)
    assert "\x1b" not in output
    assert "\x07" not in output
    assert "# \\x1b[8mhidden\\x1b[0m [link=evil]x[/link]" in output


def test_long_lines_can_be_copied_whole() -> None:
    console = terminal(width=30)
    render_diff(console, "+" + "x" * 200)
    assert "x" * 200 in plain(console)


def test_many_repaired_tests_are_counted_not_listed() -> None:
    console = terminal()
    result = make_result()
    assert result.patch is not None
    verdict = replace(result.patch.verdict, fail_to_pass={f"t{n}": "passed" for n in range(25)})
    render(console, replace(result, patch=replace(result.patch, verdict=verdict)), Delivery())
    assert "t9\n" in plain(console)
    assert "t10" not in plain(console)
    assert "and 15 more" in plain(console)


@pytest.mark.parametrize("status", list(Status))
def test_every_ending_has_a_headline(status: Status) -> None:
    console = terminal()
    render(console, make_result(status=status, patch=None, reason="because"), Delivery())
    assert f"{HEADLINES[status][0]}: because" in plain(console)
