"""Functions of a source by its braces, for showing them: no parser is at hand, and what is misread
costs an excerpt and nothing else."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import islice

from agent.source.structure import FunctionSpan

MAX_CHARACTERS = 200_000
MAX_BRACES = 20_000
"""Of a source; a larger one is shown without its functions."""
MAX_HEAD_CHARACTERS = 400
_BRACE = re.compile(r"[{}]")
_PARENTHESES = re.compile(r"\((?:[^()]|\([^()]*\))*\)")

NameOf = Callable[[str], str | None]
"""From what stands before a brace, its parentheses emptied, to the name of the function whose body
begins there; None for another block."""


def functions_by_braces(text: str, code: str, name_of: NameOf) -> tuple[FunctionSpan, ...]:
    """The functions, in the order in which they begin; lines count from 1. `code` is the text with
    blanks in place of its comments and strings."""
    if len(text) > MAX_CHARACTERS:
        return ()
    spans = _spans(text, code, name_of)
    return tuple(sorted(spans, key=lambda span: (span.first, -span.last)))


def function_around(spans: tuple[FunctionSpan, ...], line: int) -> FunctionSpan | None:
    """The innermost function with a name that a line lies in; else the innermost of all."""
    return next(functions_around(spans, (line,)))[1]


def functions_around(
    spans: tuple[FunctionSpan, ...], lines: Iterable[int]
) -> Iterator[tuple[int, FunctionSpan | None]]:
    """`function_around` for many lines, in their order, in one pass. `spans` come in the order in
    which they begin."""
    innermost_first: list[tuple[bool, int, int, int]] = []
    next_span = 0
    for line in sorted(lines):
        while next_span < len(spans) and spans[next_span].first <= line:
            span = spans[next_span]
            heappush(innermost_first, (not span.name, -span.first, span.last, next_span))
            next_span += 1
        while innermost_first and innermost_first[0][2] < line:
            heappop(innermost_first)
        yield line, spans[innermost_first[0][3]] if innermost_first else None


def _spans(text: str, code: str, name_of: NameOf) -> Iterator[FunctionSpan]:
    stack: list[tuple[int, str | None]] = []
    ends = [position for position, letter in enumerate(text) if letter == "\n"]
    for match in islice(_BRACE.finditer(code), MAX_BRACES):
        if match[0] == "{":
            head = _head(text, match.start())
            plain = _PARENTHESES.sub("()", _PARENTHESES.sub("()", head)).rstrip()
            stack.append((match.start() - len(head), name_of(plain)))
        elif match[0] == "}" and stack:
            start, name = stack.pop()
            if name is not None:
                last = bisect_left(ends, match.start()) + 1
                yield FunctionSpan(name, bisect_left(ends, start) + 1, last)


def _head(text: str, brace: int) -> str:
    """What stands before a brace and belongs to it: from the end of the last statement on, with all
    that lies in parentheses."""
    depth = 0
    for position in range(brace - 1, max(-1, brace - MAX_HEAD_CHARACTERS), -1):
        character = text[position]
        depth += (character == ")") - (character == "(")
        if depth < 0 or (depth == 0 and (character in ";{}," or text.startswith("\n\n", position))):
            return text[position + 1 : brace].lstrip()
    return text[max(0, brace - MAX_HEAD_CHARACTERS) : brace].lstrip()
