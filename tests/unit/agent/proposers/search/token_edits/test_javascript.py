from __future__ import annotations

from dataclasses import replace

import pytest

from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.frontier import Frontier
from agent.proposers.search.token_edits.edits import token_frontier
from agent.proposers.search.token_edits.javascript import FAMILY
from agent.records import CandidatePatch, SuspiciousLine
from sandbox.source import apply_edits

PATH = "lib/a.js"


def suspicious(line: int, score: float = 1.0) -> SuspiciousLine:
    return SuspiciousLine(path=PATH, line=line, score=score, ochiai=0.0, dstar=0.0)


def frontier(text: str, *lines: SuspiciousLine, message: str = "") -> Frontier:
    return made(text, *lines, message=message)


def made(text: str, *lines: SuspiciousLine, message: str = "", path: str = PATH) -> Frontier:
    failed = FailedOperators(pytest.fail)
    return token_frontier(FAMILY, lines, {path: text}.get, message, failed)


def all_of(found: Frontier) -> list[CandidatePatch]:
    candidates = []
    while (popped := found.pop()) is not None:
        candidates.append(popped[0])
    return candidates


def texts(text: str, line: int = 1, message: str = "") -> list[str]:
    """The line as each candidate for it leaves it, the best first."""
    rows = []
    for candidate in all_of(frontier(text, suspicious(line), message=message)):
        changed = apply_edits(text, candidate.edits).split("\n")
        assert len(changed) == len(text.split("\n"))
        if [*changed[: line - 1], *changed[line:]] == [
            *text.split("\n")[: line - 1],
            *text.split("\n")[line:],
        ]:
            rows.append(changed[line - 1])
    return rows


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for (let i = 0; i < n; i++) f(i);", "for (let i = 0; i <= n; i++) f(i);"),
        ("for (let i = 1; i < n; i++) f(i);", "for (let i = 0; i < n; i++) f(i);"),
        ("if (a === b) f();", "if (a !== b) f();"),
        ("if (a && b) f();", "if (a || b) f();"),
        ("if (a && b) f();", "if (b) f();"),
        ("if (a && b) f();", "if (a) f();"),
        ("if (ready(a)) f();", "if (!(ready(a))) f();"),
        ("if (!done) f();", "if (done) f();"),
        ("x = a ?? b;", "x = a || b;"),
        ("sum -= item;", "sum += item;"),
        ("sum = item;", "sum += item;"),
        ("return a - b;", "return a + b;"),
        ("return list[list.length];", "return list[list.length - 1];"),
        ("return list[list.length - 1];", "return list[list.length];"),
        ("return list.slice(0, end - 1);", "return list.slice(0, end);"),
        ("return Math.min(a, b);", "return Math.max(a, b);"),
        ("out.push(item);", "out.unshift(item);"),
        ("return f(b, a);", "return f(a, b);"),
        ("return f({ x: [1, 2] }, a);", "return f(a, { x: [1, 2] });"),
        ("return a.b.c;", "return a?.b.c;"),
        ("save(item);", "return save(item);"),
        ("const text = read(path);", "const text = await read(path);"),
        ("log(item);", ""),
        ("let found = true;", "let found = false;"),
    ],
)
def test_one_place_is_changed(before: str, after: str) -> None:
    assert after in texts(before)


@pytest.mark.parametrize(
    "line",
    [
        "// a < b && c - 1",
        "/* return true; */",
        "import { a } from './b';",
        "",
    ],
)
def test_what_is_no_code_stays(line: str) -> None:
    assert texts(line) == []


def test_texts_in_a_line_stay() -> None:
    line = "return x + 'a < b' + `true && ${1}` + x.match(/a-1/);"
    for changed in texts(line):
        assert "'a < b'" in changed or changed == ""
        assert "`true && ${1}`" in changed or changed == ""
        assert "/a-1/" in changed or changed == ""


def test_a_sign_and_a_type_are_no_operators() -> None:
    text = "const a: Map<string, number> = f(-x, 2 < n);"
    candidates = all_of(made(text, suspicious(1)))
    assert any("Map<=" in apply_edits(text, one.edits) for one in candidates)
    typed = replace(suspicious(1), path="a.ts")
    changed = [apply_edits(text, one.edits) for one in all_of(made(text, typed, path="a.ts"))]
    assert not any("Map<=" in row or "Map>" in row or "f(+x" in row for row in changed)
    assert any("2 <= n" in row for row in changed)


def test_names_of_the_function_stand_in_for_one_another() -> None:
    text = "function f(left, right) {\n  const half = left;\n  return half - left;\n}\n"
    changed = texts(text, 3)
    assert "  return right - left;" in changed
    assert "  return half - right;" in changed
    assert "  return f - left;" in changed
    assert not any("const" in row for row in changed)


def test_names_stand_in_whole() -> None:
    text = "function f(count: number) {\n  const box = { width: 1 };\n  return size;\n}\n"
    changed = texts(text, 3)
    assert "  return box;" in changed
    assert not {"  return coun;", "  return widt;"} & {*changed}


def test_digits_that_are_no_numbers_stay() -> None:
    assert not any("10" not in row for row in texts("const x = 10²;"))


def test_the_body_of_a_function_is_suspicious_with_its_first_line() -> None:
    text = "function f(n) {\n  if (n > 1) {\n    return 0;\n  }\n  return 1;\n}\n\nf(1 + 1);\n"
    lines = {c.description.rpartition(":")[2] for c in all_of(frontier(text, suspicious(1)))}
    assert lines == {"1", "2", "3", "5"}


def test_a_guard_comes_early_where_something_was_missing() -> None:
    line = "const name = user.profile.name;"
    missing = "TypeError: Cannot read properties of undefined (reading 'name')"
    assert "?." in texts(line, message=missing)[0]
    assert "?." not in texts(line, message="expected 1 to be 2")[0]


def test_each_says_what_it_does_and_where() -> None:
    descriptions = {c.description for c in all_of(frontier("f(a < b);", suspicious(1)))}
    assert "`<` → `<=` in lib/a.js:1" in descriptions
    assert "`f(a < b);` dropped in lib/a.js:1" in descriptions
    assert "`return ` added in lib/a.js:1" not in descriptions
    assert "`return` added in lib/a.js:1" in descriptions


def test_a_place_that_is_none_has_no_edits() -> None:
    assert all_of(frontier("a < b\n", suspicious(900), suspicious(0))) == []
    assert all_of(made("a < b", suspicious(1), path="other.js")) == []


def test_a_line_that_no_person_wrote_has_no_edits() -> None:
    for text in ("f(" * 20_000, "a && " * 20_000, "if (" * 10_000, "`${" * 10_000, "!" * 50_000):
        assert all_of(frontier(text, suspicious(1))) == []


def test_many_calls_in_a_line_have_few_arguments_swapped() -> None:
    text = "f(" * 150 + "a,b," * 50 + "c" + ")" * 150 + ";"
    swaps = [c for c in all_of(frontier(text, suspicious(1))) if c.operator.endswith("arguments")]
    assert len(swaps) < 200


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("var loc = url;", "var loc = String(url);"),
        ("if (a < b) return name;", "if (a < b) return String(name);"),
        ("f(a, 1);", "f(String(a), 1);"),
    ],
)
def test_a_value_is_made_a_text(before: str, after: str) -> None:
    rows = texts(before)
    assert after in rows
    wanted = texts(before, message="TypeError: url.replace is not a function")
    assert wanted.index(after) < rows.index(after)


def test_parameters_are_no_values() -> None:
    for line in ("function f(a, b) {", "g = (a) => a;", "  name(a) {", "} catch (a) {"):
        assert not any("String(" in row for row in texts(line))
