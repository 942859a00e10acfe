"""Conditions made from values: which atoms tell failing rows from passing ones."""

from __future__ import annotations

from agent.proposers.search.catalogue import candidates
from agent.proposers.search.condition_synthesis import (
    condition_candidates,
    literal_rows,
    separating,
)
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.source.module import Module
from sandbox.source import apply_edits

SOURCE = """\
def keep(piece, size, partial):
    if len(piece) == size:
        return True
    return False
"""


def test_observations_that_are_no_literals_are_left_out() -> None:
    rows = literal_rows([{"a": "3", "b": "<module.Thing>", "c": "__import__('os')"}])
    assert rows == [{"a": 3}]


def test_an_atom_must_hold_in_every_failing_row() -> None:
    failing = [{"n": 0, "m": 4}, {"n": 0, "m": 0}]
    passing = [{"n": 2, "m": 4}, {"n": 1, "m": 0}]
    texts = [atom.text for atom in separating(failing, passing)]
    assert texts[0] == "not n"
    assert "n == 0" in texts
    assert "not m" not in texts


def test_values_of_other_types_never_raise() -> None:
    failing = [{"n": None, "xs": [1]}]
    passing = [{"n": "text", "xs": 3}, {}]
    texts = [atom.text for atom in separating(failing, passing)]
    assert "n is None" in texts


def test_forcing_true_adds_a_disjunct_and_forcing_false_a_conjunct() -> None:
    module = Module.parse("m.py", SOURCE)
    failing = [{"piece": [3], "size": 2, "partial": True}]
    passing = [{"piece": [3], "size": 2, "partial": False}]

    def made(forced: bool) -> list[str]:
        found = condition_candidates(module, 2, forced=forced, failing=failing, passing=passing)
        return [apply_edits(SOURCE, one.edits).splitlines()[1].strip() for one in found]

    assert made(True)[0] == "if len(piece) == size or partial:"
    assert made(False)[0] == "if len(piece) == size and not (partial):"


def test_no_condition_at_the_line_and_no_failing_row_give_nothing() -> None:
    module = Module.parse("m.py", SOURCE)
    rows = [{"partial": True}]
    assert condition_candidates(module, 3, forced=True, failing=rows, passing=[]) == []
    assert condition_candidates(module, 2, forced=True, failing=[], passing=rows) == []


def offered(text: str, line: int) -> set[str]:
    module = Module.parse("m.py", text)
    context = ProjectContext.build({"m.py": module})
    found = candidates(module, [line], context=context)
    return {apply_edits(text, one.edits).splitlines()[line - 1].strip() for one in found}


def test_a_parameter_nobody_reads_is_offered_for_a_condition() -> None:
    assert "if len(piece) == size or partial:" in offered(SOURCE, 2)


def test_parentheses_go_with_the_operator_they_were_for() -> None:
    lines = offered("def f(a, b):\n    return a / (len(b) + 1)\n", 2)
    assert "return a / len(b)" in lines
    assert "return a / (len(b))" not in lines


def test_a_keyword_that_touches_its_parentheses_keeps_them() -> None:
    lines = offered("def f(a, b):\n    return(a + b)\n", 2)
    assert "return(a)" in lines
    assert not any(line.startswith("returna") for line in lines)
