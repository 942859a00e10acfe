from __future__ import annotations

import pytest

from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.token_edits.edits import token_frontier
from agent.proposers.search.token_edits.go import FAMILY
from agent.records import CandidatePatch, SuspiciousLine
from sandbox.source import apply_edits

PATH = "calc/a.go"


def candidates(text: str, line: int) -> list[CandidatePatch]:
    suspicious = SuspiciousLine(path=PATH, line=line, score=1.0, ochiai=0.0, dstar=0.0)
    failed = FailedOperators(pytest.fail)
    frontier = token_frontier(FAMILY, [suspicious], {PATH: text}.get, "", failed)
    popped = []
    while (one := frontier.pop()) is not None:
        popped.append(one[0])
    return popped


def lines(text: str, line: int = 1) -> list[str]:
    """The line as each candidate leaves it."""
    return [
        apply_edits(text, one.edits).split("\n")[line - 1].strip() for one in candidates(text, line)
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for i := 0; i < n; i++ {", "for i := 0; i <= n; i++ {"),
        ("for i := 1; i < n; i++ {", "for i := 0; i < n; i++ {"),
        ("for i := 0; i < n; i++ {", "for i := 0; !(i < n); i++ {"),
        ("if a && b {", "if a {"),
        ("if a && b {", "if b {"),
        ("if ok {", "if !(ok) {"),
        ("if err := f(); err != nil {", "if err := f(); !(err != nil) {"),
        ("if !done {", "if done {"),
        ("at := strings.LastIndex(text, sep)", "at := strings.Index(text, sep)"),
        ("at := strings.Index(text, sep)", "at := strings.Index(sep, text)"),
        ("last := len(values)", "last := len(values)-1"),
        ("part := text[a:b]", "part := text[a:b+1]"),
        ("one := values[i]", "one := values[i-1]"),
        ("one := values[i+1]", "one := values[i]"),
        ("total -= amount", "total += amount"),
        ("total := price", "total = price"),
        ("return price * 2", "return price * 3"),
        ("delete(seen, name)", ""),
        ("b.full = true", "b.full = false"),
    ],
)
def test_an_edit_of_one_place(before: str, after: str) -> None:
    assert after in lines(before)


def test_names_of_the_function_are_tried() -> None:
    text = "func f(left, right int) int {\n\tsum := left + right\n\treturn left\n}\n"
    assert "return right" in lines(text, 3)
    assert "return sum" in lines(text, 3)
    assert not any("int" in line for line in lines(text, 3))


def test_the_lines_of_a_function_follow_the_line_that_begins_it() -> None:
    text = "func f(a int) bool {\n\treturn a > 1\n}\n\nfunc g() {}\n"
    changed = [apply_edits(text, one.edits) for one in candidates(text, 1)]
    assert text.replace("a > 1", "a >= 1") in changed


@pytest.mark.parametrize(
    "line", ['x := "a < b" // i < n', "x := `i < n`", "/* i < n */ var x = 'a'"]
)
def test_texts_and_comments_stay(line: str) -> None:
    kept = [text for text in lines(line) if "i < n" in line and "i < n" not in text]
    assert kept == []


def test_the_signs_of_pointers_and_numbers_are_no_operators() -> None:
    assert not any(one.operator == "go.arithmetic" for one in candidates("x := -1", 1))
    assert not any(one.operator == "go.arithmetic" for one in candidates("x := *p", 1))


def test_an_operator_says_of_which_language_it_is() -> None:
    assert {one.operator.partition(".")[0] for one in candidates("if a < b {", 1)} == {"go"}
