from __future__ import annotations

import pytest

from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.token_edits.edits import token_frontier
from agent.proposers.search.token_edits.rust import FAMILY
from agent.records import SuspiciousLine
from sandbox.source import apply_edits

PATH = "src/lib.rs"


def lines(text: str, line: int = 1) -> list[str]:
    """The line as each candidate leaves it."""
    suspicious = SuspiciousLine(path=PATH, line=line, score=1.0, ochiai=0.0, dstar=0.0)
    frontier = token_frontier(
        FAMILY, [suspicious], {PATH: text}.get, "", FailedOperators(pytest.fail)
    )
    popped = []
    while (one := frontier.pop()) is not None:
        popped.append(apply_edits(text, one[0].edits).split("\n")[line - 1].strip())
    return popped


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for i in 0..n {", "for i in 0..=n {"),
        ("for i in 1..=n {", "for i in 0..=n {"),
        ("for i in 0..n {", "for i in 0..n + 1 {"),
        ("if a && b {", "if a || b {"),
        ("if a && b {", "if a {"),
        ("if a && b {", "if b {"),
        ("if ok {", "if !(ok) {"),
        ("if !done {", "if done {"),
        ("while low < high {", "while low <= high {"),
        ("let x = a.min(b);", "let x = a.max(b);"),
        ("let x = a.saturating_sub(1);", "let x = a.saturating_add(1);"),
        ("let x = a.checked_add(b)?;", "let x = a.checked_sub(b)?;"),
        ("if x.is_some() {", "if x.is_none() {"),
        ("let x = list.first()?;", "let x = list.last()?;"),
        ("let x = y.unwrap_or(1);", "let x = y.unwrap_or(0);"),
        ("let (k, v) = row.rsplit_once('=')?;", "let (k, v) = row.split_once('=')?;"),
        ("let x = &list[a..b];", "let x = &list[a..b + 1];"),
        ("let x = list[i];", "let x = list[i - 1];"),
        ("let x = list[i + 1];", "let x = list[i];"),
        ("let n = list.len();", "let n = list.len() - 1;"),
        ("total -= amount;", "total += amount;"),
        ("Some(share(count, sum))", "Some(share(sum, count))"),
        ("list.sort_by(|a, b| a.rank.cmp(&b.rank));", "list.sort_by(|a, b| b.rank.cmp(&a.rank));"),
        ("for x in list.iter().rev() {", "for x in list.iter() {"),
        ("Ordering::Less => left,", "Ordering::Greater => left,"),
        ("list.clear();", ""),
    ],
)
def test_edits_of_a_line(before: str, after: str) -> None:
    assert after in lines(f"{before}\n")


def test_parameters_of_a_type_are_no_comparisons() -> None:
    made = lines("let x: Vec<Option<u8>> = f::<u8>(a);\n")
    assert not [line for line in made if "Vec<=" in line or "::>" in line or "Vec >" in line]


def test_a_macro_is_no_negation_and_no_name() -> None:
    made = lines('fn f(a: u8) { println!("{a}"); }\n')
    assert not [line for line in made if "println!" not in line and "println" in line]
