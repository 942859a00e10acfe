"""Repairs of files that do not parse."""

from __future__ import annotations

import ast

import pytest

from agent.proposers.search.syntax_repair import syntax_candidates
from agent.source.syntax_faults import fault_of
from sandbox.source import apply_edits

BASE = """import os


def total(items, start=0):
    result = start
    for item in items:
        if item == 3:
            result += item
        elif item in (1, 2):
            result += {"a": 1, "b": [1, 2]}["a"] * item
        else:
            result += max(item, 0)
    print("done", result)
    return result


class Thing:
    def __init__(self, name):
        self.name = name

    def show(self):
        return f"<{self.name}>" + 'x'
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("start=0):", "start=0)"),
        ("in items:", "in items"),
        ("item in items:", "item items:"),
        ("(1, 2):", "(1, 2:"),
        ("(item, 0)", "(item, 0"),
        ("(item, 0)", "(item,, 0)"),
        ('("done"', '("done'),
        ('("done"', '(done"'),
        ('1, "b"', '1 "b"'),
        ("[1, 2]}", "[1, 2}"),
        ("item == 3", "item = 3"),
        ("item == 3:", "item = 3"),
        ("        self.name =", "    self.name ="),
        ("    return result", "      return result"),
        ("    return result", "return result"),
        ("return result", "retrun result"),
        ("return result\n", "return result)\n"),
        ("        elif", "         elif"),
        ("        else:", "        esle:"),
        ("    def show", "    show"),
        ("class Thing:", "class Thing"),
        ('"done"', "\N{LEFT DOUBLE QUOTATION MARK}done\N{RIGHT DOUBLE QUOTATION MARK}"),
        ("import os", "improt os"),
        ('print("done", result)', 'print "done", result'),
        ("            result += item\n", "        result += item\n"),
        ("    for item", "\tfor item"),
        ("'x'", "'x"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_right_text_is_among_the_first(right: str, wrong: str, newline: str) -> None:
    text = BASE.replace(right, wrong, 1).replace("\n", newline)
    found = [apply_edits(text, one.edits) for one in syntax_candidates("m.py", text)]
    wanted = ast.dump(ast.parse(BASE))
    assert wanted in [ast.dump(ast.parse(one)) for one in found[:5]]
    # What the candidates leave alone keeps its line endings.
    assert all(one.count(newline) >= BASE.count("\n") - 1 for one in found[:1])


def test_every_candidate_parses_and_differs() -> None:
    text = BASE.replace("(item, 0)", "(item, 0", 1)
    found = [apply_edits(text, one.edits) for one in syntax_candidates("m.py", text)]
    assert len(set(found)) == len(found) > 1
    assert all(fault_of(one) is None for one in found)


def test_a_merge_conflict_keeps_one_side() -> None:
    conflict = "<<<<<<< ours\nX = 1\n||||||| base\nX = 0\n=======\nX = 2\n>>>>>>> theirs\nY = 3\n"
    found = [apply_edits(conflict, one.edits) for one in syntax_candidates("m.py", conflict)]
    assert {"X = 1\nY = 3\n", "X = 2\nY = 3\n"} <= set(found)


@pytest.mark.parametrize("text", ["", "x = 1\n", BASE])
def test_nothing_for_what_parses(text: str) -> None:
    assert syntax_candidates("m.py", text) == []


@pytest.mark.parametrize("text", ["\0", "(" * 5000, "$ ? ! garbage\n" * 3, "\t \f\n (", "'''"])
def test_hopeless_text_ends_soon(text: str) -> None:
    for one in syntax_candidates("m.py", text):
        assert fault_of(apply_edits(text, one.edits)) is None
