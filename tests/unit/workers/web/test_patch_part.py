"""The part of a job's page that shows its patch."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from agent.records import Baseline
from agent.selection.answer_table import HEADINGS, answer_rows
from tests.support.cli_records import make_result, plausible_result, with_answers
from workers.web.pages.parts import still_red_tests
from workers.web.pages.templates import fragment


def test_a_repair_in_part_names_what_stays_red() -> None:
    taken = Baseline(
        failing=("t::a",),
        passing=(),
        set_aside={"t::b": "no patch was <found>"},
        still_red=("t::b",),
    )
    result = replace(make_result(), baseline=taken)
    job = SimpleNamespace(id="j", live=False)
    values = {"job": job, "result": result, "patch": result.patch, "diff": [], "tests": ("t::a",)}
    values |= {"answers": [], "answer_headings": HEADINGS}
    html = fragment("parts/patch.html", **values, still_red=still_red_tests(result))
    assert "In part: 1 of 2 failing tests passes with it, and 1 stays red" in html
    assert "<code>t::b</code>: no patch was &lt;found&gt;" in html
    assert "In part" not in fragment("parts/patch.html", **values, still_red=[])


def test_how_sure_a_patch_is_and_what_only_a_person_can_answer() -> None:
    job = SimpleNamespace(id="j", live=False)
    values = {"job": job, "diff": [], "tests": (), "still_red": []}
    values |= {"answers": [], "answer_headings": HEADINGS}
    result = plausible_result()
    html = fragment("parts/patch.html", **values, result=result, patch=result.patch)
    assert "45 % sure" in html
    assert "not calibrated" not in html
    assert "3 other patches pass, of which 2 answer otherwise" in html
    assert "should `f(3)` be 0" in html
    older = make_result()
    html = fragment("parts/patch.html", **values, result=older, patch=older.patch)
    assert "How sure: not measured" in html


def test_answers_before_and_after_are_rows_of_a_table() -> None:
    job = SimpleNamespace(id="j", live=False)
    result = with_answers(make_result(), ("f(<b>)", "'\x1b[1m'", "a|b"), ("g()", "1", "2"))
    assert result.patch is not None
    values = {"job": job, "diff": [], "tests": (), "still_red": [], "result": result}
    values |= {"patch": result.patch, "answer_headings": HEADINGS}
    html = fragment("parts/patch.html", **values, answers=answer_rows(result.patch.verdict))
    headings = "".join(f'<th scope="col">{name}</th>' for name in ("call", "before", "after"))
    assert headings in html
    hostile = ("f(&lt;b&gt;)", "&#39;\\x1b[1m&#39;", "a|b")
    for cells in (hostile, ("g()", "1", "2")):
        assert "".join(f"<td><code>{cell}</code></td>" for cell in cells) in html
    assert "\x1b" not in html
    assert "<table" not in fragment("parts/patch.html", **values, answers=[])
