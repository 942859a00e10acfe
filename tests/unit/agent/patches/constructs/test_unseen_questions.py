"""What a patch asks the machine in functions to which no failing test comes."""

from __future__ import annotations

import ast

import pytest

from agent.patches.constructs.unseen_questions import unseen_questions

BASE = """\
import os
import sys


def total(items):
    return sum(items)


def same(x):
    return x


class Ledger:
    def __init__(self, items):
        self.items = items

    def read(self):
        return os.environ
"""
ASKS = "any(name.endswith('_TEST') for name in os.environ)"


def unseen(old: str, new: str, reached: tuple[str, ...] = ("total",)) -> list[tuple[str, str]]:
    assert old in BASE
    patched = BASE.replace(old, new, 1)
    return list(unseen_questions(ast.parse(BASE), ast.parse(patched), reached))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("return x", f"return x if {ASKS} else None", ("same", "os.environ")),
        ("return x", "return x if os.getenv('A') else None", ("same", "os.getenv")),
        ("return x", "return x if sys.argv[1:] else None", ("same", "sys.argv")),
        ("return x", "return x if os.path.exists('a') else None", ("same", "os.path.exists")),
        ("return x", "return open(x)", ("same", "open")),
        ("return x", "return x.is_file()", ("same", "is_file()")),
        ("    def read", f"    def __enter__(self):\n        return {ASKS}\n\n    def read",
         ("__enter__", "os.environ")),
        ("        self.items = items", "        self.items = items or sys.path",
         ("__init__", "sys.path")),
    ],
)  # fmt: skip
def test_what_nobody_saw_is_found_in_the_text(old: str, new: str, found: tuple[str, str]) -> None:
    assert unseen(old, new) == [found]


@pytest.mark.parametrize(
    ("old", "new", "reached"),
    [
        ("return x", f"return {ASKS}", ("same",)),  # the watch saw it
        ("return os.environ", "return dict(os.environ)", ()),  # the base asks it as well
        ("return x", "return os.path.join(x, os.sep)", ()),
        ("return sum(items)", f"return _few(items)\n\n\ndef _few(items):\n    return {ASKS}",
         ("total",)),
        ("return sum(items)", "return Book(items)\n\n\nclass Book:\n"
         f"    def __init__(self, items):\n        self.items = {ASKS}", ("total",)),
        ("import sys\n", f"import sys\n\n\ndef _few():\n    return {ASKS}\n\n\nFEW = _few()\n", ()),
    ],
)  # fmt: skip
def test_what_was_called_is_left_to_the_watch(old: str, new: str, reached: tuple[str, ...]) -> None:
    assert unseen(old, new, reached) == []
