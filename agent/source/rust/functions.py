"""Functions of a Rust source."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

from agent.source.braces.spans import MAX_CHARACTERS
from agent.source.rust.code import masked
from agent.source.structure import FunctionSpan

MAX_FUNCTIONS = 5_000
MAX_FUNCTION_CHARACTERS = 50_000
_DECLARED = re.compile(r"\bfn\s+(?:r#)?(\w+)")
_BRACKETS = re.compile(r"[()\[\]{};]")


def rust_functions(text: str) -> tuple[FunctionSpan, ...]:
    """The functions and methods with a body, in the order in which they begin; lines count from
    1."""
    return tuple(_spans(masked(text))) if len(text) <= MAX_CHARACTERS else ()


def _spans(code: str) -> Iterator[FunctionSpan]:
    ends = [position for position, letter in enumerate(code) if letter == "\n"]
    for match in islice(_DECLARED.finditer(code), MAX_FUNCTIONS):
        end = _end(code, match.end())
        if end is not None:
            first, last = (bisect_left(ends, place) + 1 for place in (match.start(), end))
            yield FunctionSpan(match[1], first, last)


def _end(code: str, start: int) -> int | None:
    """The place of the brace that ends the function whose name ends at `start`; None where it has
    no body, or none that ends."""
    depth, begun = 0, False
    for match in _BRACKETS.finditer(code, start, start + MAX_FUNCTION_CHARACTERS):
        begun = begun or (match[0] == "{" and depth == 0)
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if depth == 0 and (begun or match[0] == ";"):
            return match.start() if begun else None
        if depth < 0:
            return None
    return None
