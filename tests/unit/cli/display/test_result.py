from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from agent.records import Baseline, ExecutedSigns, RejectedPatch, Status
from agent.wording import in_part
from cli.display.result import HEADLINES, Delivery, render, render_alternatives, render_diff
from tests.support.cli_records import (
    DIFF,
    make_result,
    plausible_in_part,
    plausible_result,
    terminal,
    with_answers,
    written,
)


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


def test_a_patch_that_is_not_sure_is_called_plausible_and_asks() -> None:
    console = terminal(width=200)
    render(console, plausible_result(), Delivery())
    output = plain(console)
    assert "Plausible, may be wrong: " in output
    assert "Repaired" not in output
    assert "how sure  45 % sure" in output
    assert "- 3 other patches pass, of which 2 answer otherwise" in output
    assert "question  should `f(3)` be 0, as with this patch, or an error?" in output


def test_of_a_plausible_patch_that_nothing_tells_from_others_it_says_so() -> None:
    result = plausible_result()
    assert result.patch is not None
    assert result.patch.confidence is not None
    ending = "--alternatives` shows it"
    sentence = "no generated call tells them apart, so the right one may be another"
    for signs, is_said in (
        (ExecutedSigns(rivals=1), True),
        (ExecutedSigns(rivals=1, disagreeing=1), True),  # none was compared
        (ExecutedSigns(rivals=1, compared=9), True),
        (ExecutedSigns(rivals=1, compared=9, disagreeing=1), False),
    ):
        sure = replace(result.patch.confidence, signs=signs)
        told = replace(result, patch=replace(result.patch, confidence=sure))
        console = terminal(width=200)
        render(console, told, Delivery())
        assert ending in plain(console)
        assert (sentence in plain(console)) == is_said
    console = terminal(width=200)
    render(console, make_result(), Delivery())
    assert sentence not in plain(console)


def test_alternatives_come_with_diff_and_confidence() -> None:
    console = terminal(width=200)
    result = plausible_result()
    assert result.patch is not None
    render_alternatives(console, replace(result, alternatives=(result.patch,)))
    output = plain(console)
    assert DIFF in output
    assert "how sure  45 % sure" in output
    assert "- 3 other patches pass, of which 2 answer otherwise" in output


def test_answers_before_and_after_stand_in_a_table() -> None:
    result = with_answers(make_result(), ("f(1)", "[2, 1, 1]", "[1]"), ("f(2, x)", "0", "\x1b[1m"))
    assert result.patch is not None
    console = terminal(width=200)
    render(console, result, Delivery())
    table = """\
    answers  call     before     after
             f(1)     [2, 1, 1]  [1]
             f(2, x)  0          \\x1b[1m
"""
    assert table in plain(console)
    console = terminal(width=200)
    render_alternatives(console, replace(result, alternatives=(result.patch,)))
    assert table in plain(console)
    console = terminal(width=200)
    render(console, make_result(), Delivery())
    assert "answers" not in plain(console)


def test_the_table_of_answers_fits_the_terminal() -> None:
    console = terminal(width=60)
    render(console, with_answers(make_result(), ("f" * 90, "a" * 90, "b" * 90)), Delivery())
    lines = plain(console).splitlines()
    row = next(line for line in lines if "fff" in line)
    assert len(row) == 60
    assert {"f", "a", "b", "…"} <= set(row)


def test_a_plausible_patch_that_leaves_tests_red_says_both() -> None:
    console = terminal(width=200)
    render(console, plausible_in_part(), Delivery())
    assert "Plausible in part, may be wrong: " in plain(console)
    assert "passes your tests" not in plain(console)


def test_what_was_not_measured_says_so() -> None:
    console = terminal()
    render(console, make_result(), Delivery())
    assert "how sure  not measured" in plain(console)


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


def test_the_best_rejected_patch_is_shown_where_none_passed() -> None:
    rejected = RejectedPatch(
        description="the model's edit of a.py",
        proposer="model",
        diff="--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\x1b\n",
        objections=("the failing test t1 is failed",),
    )
    console = terminal(colour=False)
    result = make_result(patch=None, status=Status.NOT_REPAIRED, rejected=rejected)
    render(console, result, Delivery())
    text = written(console)
    assert "rejected" in text
    assert "the failing test t1 is failed" in text
    assert "+a = 2\\x1b" in text


def test_a_repair_in_part_never_reads_like_a_whole_one() -> None:
    console = terminal(width=200)
    taken = Baseline(
        failing=("t::a", "t::b"),
        passing=("p",),
        set_aside={"t::net": "no network", "t::x": "no patch was found", "t::y": "not tried"},
        still_red=("t::x", "t::y"),
    )
    status, reason = Status.REPAIRED_IN_PART, f"`<` → `<=`; {in_part(taken)}"
    result = make_result(status=status, reason=reason, baseline=taken, alternatives=())
    render(console, result, Delivery())
    output = plain(console)
    assert (
        "Repaired in part: `<` → `<=`; 2 of 4 failing tests pass with it, and 2 stay red" in output
    )
    assert "still red  t::x: no patch was found" in output
    assert "t::y: not tried" in output
    assert "set aside  t::net: no network" in output


def test_who_made_a_patch_that_was_put_together() -> None:
    console = terminal(width=200)
    whole = make_result().patch
    assert whole is not None
    candidate = replace(whole.candidate, proposer="model+search")
    render(console, make_result(patch=replace(whole, candidate=candidate)), Delivery())
    assert "found by  the model and the search" in plain(console)


def test_without_a_patch_the_failing_tests_are_named() -> None:
    result = make_result(patch=None, status=Status.NOT_REPAIRED)
    assert result.baseline is not None
    many = tuple(f"test_a.py::t{number}" for number in range(30))
    console = terminal(colour=False)
    render(console, replace(result, baseline=replace(result.baseline, failing=many)), Delivery())
    shown = written(console)
    assert "still fail  test_a.py::t0" in shown
    assert "and " in shown
    assert "test_a.py::t29" not in shown
