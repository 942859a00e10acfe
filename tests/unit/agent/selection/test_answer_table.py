from __future__ import annotations

from dataclasses import replace

import pytest

from agent.records import BehaviourDifference, ChangedAnswer, Verdict
from agent.selection.answer_table import (
    MAX_CELL_CHARACTERS,
    MAX_ROWS,
    answer_lines,
    answer_rows,
)

VERDICT = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={})


def answered(*answers: tuple[str, str, str]) -> Verdict:
    told = tuple(ChangedAnswer(call=call, before=old, after=new) for call, old, new in answers)
    return replace(VERDICT, spread=BehaviourDifference(answers=told))


def test_the_columns_stand_below_their_headings() -> None:
    verdict = answered(("share(1, 3)", "[2, 1, 1]", "[1]"), ("f()", "0", "ValueError: 0"))
    assert answer_lines(verdict, 80) == [
        "call         before     after",
        "share(1, 3)  [2, 1, 1]  [1]",
        "f()          0          ValueError: 0",
    ]


def test_nothing_to_show_is_no_table() -> None:
    for verdict in (VERDICT, replace(VERDICT, spread=BehaviourDifference(changed=3, example="f"))):
        assert answer_rows(verdict) == []
        assert answer_lines(verdict, 80) == []


def test_the_longest_column_is_cut_first_and_keeps_its_ends() -> None:
    lines = answer_lines(answered(("f(" + "1" * 50 + ", 2)", "True", "False")), 40)
    assert lines[1] == "f(1111111111…11111111, 2)  True    False"


@pytest.mark.parametrize("width", [0, 20, 27, 28, 40, 79])
def test_no_line_is_wider_than_there_is_room(width: int) -> None:
    wide = answered(("名前(" + "値" * 40 + ")", "é" * 60, "e\u0301" * 60), ("f", "1", "2"))
    narrowest = 3 * 8 + 2 * 2
    for line in answer_lines(wide, width):
        columns = sum(2 if c >= "\u2e80" else 0 if c == "\u0301" else 1 for c in line)
        assert columns <= max(width, narrowest), line


def test_controls_of_the_target_are_shown_and_not_obeyed() -> None:
    (row,) = answer_rows(answered(("f(\x1b[2J)", "a\nb\r", "\u202eabc\udcff")))
    assert row == ("f(\\x1b[2J)", "a\\nb\\r", "\\u202eabc\\udcff")


def test_what_a_medium_shows_longer_is_aligned_as_it_is_shown() -> None:
    verdict = answered(("f(1)", "→" * 30, "1"), ("f(2)", "0", "2"))
    lines = answer_lines(verdict, 40, lambda text: text.replace("→", "->").replace("…", "..."))
    assert {line.rindex(digit) for line, digit in zip(lines[1:], "12", strict=True)} == {
        lines[0].index("after")
    }
    assert max(map(len, lines)) <= 40


def test_a_file_of_somebody_else_fills_no_screen() -> None:
    rows = answer_rows(answered(*[("f" * 10_000, "1" * 10_000, "2" * 10_000)] * 1_000))
    assert len(rows) == MAX_ROWS
    assert max(len(cell) for row in rows for cell in row) == MAX_CELL_CHARACTERS
