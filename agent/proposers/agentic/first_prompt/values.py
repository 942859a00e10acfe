"""Values of the names that a line reads, as they were in a failing test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence

from agent.proposers.agentic.first_prompt.problem_facts import ProblemFacts
from sandbox.syntax import parse_module

MAX_VALUES_CHARACTERS = 300
_NO_NEWS = re.compile(r"<[\w.]+>")
"""The picture of a value that says nothing but its type."""


def values_told(
    known: ProblemFacts, path: str, numbers: Iterable[int], lines: Sequence[str]
) -> dict[int, str]:
    """Line → the values of the names that it reads, of those lines (from 1) of the file `lines` to
    which a failing test came. What was told a line above is not told again."""
    notes: dict[int, str] = {}
    last_told: dict[str, tuple[str, ...]] = {}
    for number in sorted(numbers):
        visits = known.values.get((path, number), ())
        names = names_read("\n".join(lines[number - 1 : number + 5]))
        states = {name: _distinct(name, visits) for name in sorted(names)}
        news = {n: values for n, values in states.items() if values and last_told.get(n) != values}
        last_told |= news
        if news:
            pairs = (f"{name}={' … '.join(values)}" for name, values in news.items())
            note = ", ".join(pairs)
            cut = note[: MAX_VALUES_CHARACTERS - 2].rstrip()
            notes[number] = note if len(note) <= MAX_VALUES_CHARACTERS else f"{cut} …"
    return notes


def _distinct(name: str, visits: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """What a name was at the first and at the last visit, where that says anything."""
    values = [values[name] for values in visits if name in values]
    news = [value for value in values if not _NO_NEWS.fullmatch(value)]
    return tuple(dict.fromkeys(news[:1] + news[-1:]))


def names_read(code: str) -> frozenset[str]:
    """Names, and attributes of names (`self.size`), that the first statement of `code` reads; of a
    compound one those of its header."""
    statement = _first_statement(code.split("\n"))
    names = set()
    for node in ast.walk(statement) if statement else ():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    return frozenset(names)


def _first_statement(lines: Sequence[str]) -> ast.AST | None:
    """The statement that begins at the first line, with as many lines as it takes."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    for count in range(1, len(lines) + 1):
        code = "\n".join(line[indent:] for line in lines[:count]).strip()
        code = re.sub(r"^(elif)\b", "if", code)
        for ending in ("", "\n    pass", "\n    pass\nfinally:\n    pass"):
            try:
                return parse_module(code + ending)
            except (SyntaxError, ValueError, RecursionError):
                continue
    return None
