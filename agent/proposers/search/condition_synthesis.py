"""New conditions from values: what must hold in the failing runs and must not in the passing.

When forcing a condition to true (or false) turns a failing test, the right condition differs
from today's on the states of that test and agrees on the states of the passing ones. That is
angelic debugging (Chandra et al. 2011) followed by synthesis, as in Nopol (Xuan et al. 2017) and
SPR (Long & Rinard 2015), over conditions small enough to be read by a person.

The values arrive as literals and are compared as literals: no code of the target runs here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.records import CandidatePatch
from agent.source.module import Module
from agent.source.precedence import NOT, level
from sandbox.source import SourceEdit
from sandbox.syntax import literal

MAX_NAMES = 12
MAX_CANDIDATES = 40
ORDERED_TYPES = (int, float, str)

Row = Mapping[str, Any]
"""Local variables at one visit of the line; names whose value is no literal are left out."""


@dataclass(frozen=True)
class BasicCondition:
    """A readable test of one or two variables, and when it held."""

    text: str
    size: int
    """How much it says; smaller is likelier to be meant."""
    failing: float
    """Share of the failing rows where it holds."""
    passing: float
    """Share of the passing rows where it holds."""


def literal_rows(observed: Sequence[Mapping[str, str]]) -> list[Row]:
    """Read observations back; what is no literal is dropped."""
    rows: list[Row] = []
    for values in observed:
        row: dict[str, Any] = {}
        for name, text in values.items():
            try:
                row[name] = literal(text)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
        rows.append(row)
    return rows


def condition_candidates(
    module: Module,
    line: int,
    *,
    forced: bool,
    failing: Sequence[Row],
    passing: Sequence[Row],
) -> list[CandidatePatch]:
    """Conditions for the `if` or `while` at `line` that answer `forced` in the failing rows.

    Best first, at most MAX_CANDIDATES; scores are shares of 1 like those of the catalogue.
    """
    test = _test_at(module, line)
    if test is None or not failing:
        return []
    start, end = module.span(test)
    old = module.text[start:end]
    operand = f"({old})" if level(test) < NOT else old
    candidates: list[CandidatePatch] = []
    for condition in separating(failing, passing):
        new = (
            f"{operand} or {condition.text}" if forced else f"{operand} and not ({condition.text})"
        )
        score = (condition.failing - condition.passing) / (1 + condition.size) / 4
        candidates.append(
            CandidatePatch(
                edits=(SourceEdit(module.path, start, end, new),),
                proposer="search",
                operator="condition.synthesised",
                description=f"`{old}` → `{new}` in {module.path}:{line}",
                score=score,
            )
        )
    return candidates[:MAX_CANDIDATES]


def _test_at(module: Module, line: int) -> ast.expr | None:
    for statement in module.statements_at(line):
        if isinstance(statement, ast.If | ast.While):
            return statement.test
    return None


def separating(failing: Sequence[Row], passing: Sequence[Row]) -> list[BasicCondition]:
    """Atoms that hold in the failing rows more often than in the passing, sharpest first."""
    names = sorted(set(failing[0]).intersection(*failing[1:]))[:MAX_NAMES]
    conditions: dict[str, BasicCondition] = {}
    for text, size, holds in _atoms(names, failing):
        yes = _share(holds, failing)
        no = _share(holds, passing)
        if yes > 0.99 and no < 0.99 and text not in conditions:
            conditions[text] = BasicCondition(text, size, yes, no)
    return sorted(
        conditions.values(),
        key=lambda condition: (condition.passing, condition.size, condition.text),
    )


def _share(holds: Any, rows: Sequence[Row]) -> float:
    answers = []
    for row in rows:
        try:
            answers.append(bool(holds(row)))
        except (KeyError, TypeError, ValueError):
            answers.append(False)  # the variable is unbound or of another type there
    return sum(answers) / len(answers) if answers else 0.0


def _atoms(names: Sequence[str], rows: Sequence[Row]) -> Iterator[tuple[str, int, Any]]:
    """(source text, size, function of a row) of every condition over the names."""
    for name in names:
        yield from _unary(name, rows[0][name])
    for first in names:
        for second in names:
            if first != second:
                yield from _binary(first, second, rows[0][first], rows[0][second])


def _unary(name: str, sample: Any) -> Iterator[tuple[str, int, Any]]:
    yield f"{name} is None", 1, lambda row: row[name] is None
    yield f"not {name}", 1, lambda row: not row[name]
    yield f"{name}", 1, lambda row: row[name]
    kind = type(sample)
    if sample is not None and kind is not bool:
        yield f"isinstance({name}, {kind.__name__})", 2, lambda row: isinstance(row[name], kind)
    if isinstance(sample, int | float) and kind is not bool:
        for bound in (0, 1, -1):
            yield f"{name} == {bound}", 2, lambda row, b=bound: row[name] == b
            yield f"{name} < {bound}", 2, lambda row, b=bound: row[name] < b
            yield f"{name} > {bound}", 2, lambda row, b=bound: row[name] > b
    if isinstance(sample, list | tuple | dict | set | str):
        yield f"len({name}) == 1", 3, lambda row: len(row[name]) == 1
        yield f"len({name}) > 1", 3, lambda row: len(row[name]) > 1


def _binary(
    first: str, second: str, first_value: Any, second_value: Any
) -> Iterator[tuple[str, int, Any]]:
    if first < second and isinstance(first_value, type(second_value)):
        yield f"{first} == {second}", 2, lambda row: row[first] == row[second]
        yield f"{first} != {second}", 2, lambda row: row[first] != row[second]
    if isinstance(first_value, ORDERED_TYPES) and isinstance(second_value, ORDERED_TYPES):
        yield f"{first} < {second}", 2, lambda row: row[first] < row[second]
        yield f"{first} <= {second}", 2, lambda row: row[first] <= row[second]
    if isinstance(second_value, list | tuple | dict | set):
        yield f"{first} in {second}", 2, lambda row: row[first] in row[second]
        yield f"{first} not in {second}", 2, lambda row: row[first] not in row[second]
    if isinstance(first_value, int) and isinstance(second_value, list | tuple | str):
        yield f"{first} >= len({second})", 3, lambda row: row[first] >= len(row[second])
