"""Lines that hold in some environments only: `py311,test: LINE`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice, product

_CONDITION = re.compile(r"([\w!{},.*-]+):(?:\s+(.*))?")
_CERTAIN = frozenset(("py", "py3", "python", "test", "tests", "unit"))
"""Factors of the environment that is meant: any Python, any versions of other packages."""
_POSSIBLE = re.compile(r"(?:py|python)?3[\d.]*|.*(?:test|unit).*")
_COVERAGE = re.compile(r".*cov.*")
_CHOICE = re.compile(r"\{([^{}]*)\}")
_MAX_ALTERNATIVES = 200


def where_tests_run(
    line: str, *, coverage: bool = False, factors: frozenset[str] = frozenset()
) -> str:
    """Return a line without its condition where that may hold in an environment that runs the
    tests, with `coverage` also in one that measures it, and in one of these factors; else `""`."""
    match = _CONDITION.fullmatch(line)
    if match is None:
        return line
    possible = (_POSSIBLE, _COVERAGE) if coverage else (_POSSIBLE,)
    possible = (*possible, *(re.compile(re.escape(factor)) for factor in factors))
    holds = any(_may_hold(alternative, possible) for alternative in alternatives(match[1]))
    return match[2] or "" if holds else ""


def anywhere(line: str) -> str:
    """Return a line without its condition."""
    match = _CONDITION.fullmatch(line)
    return line if match is None else match[2] or ""


def alternatives(condition: str) -> Iterator[str]:
    """`py{38,39}-x,y` is `py38-x`, `py39-x` and `y`."""
    for alternative in re.split(r",(?![^{}]*\})", condition):
        parts = [part.split(",") for part in _CHOICE.split(alternative)]
        yield from islice(map("".join, product(*parts)), _MAX_ALTERNATIVES)


def _may_hold(alternative: str, possible: Collection[re.Pattern[str]]) -> bool:
    return all(
        factor[1:] not in _CERTAIN if factor.startswith("!") else _is_met(factor, possible)
        for factor in alternative.split("-")
    )


def _is_met(factor: str, possible: Collection[re.Pattern[str]]) -> bool:
    return factor in _CERTAIN or any(pattern.fullmatch(factor) for pattern in possible)
