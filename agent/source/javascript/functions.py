"""Functions of a JavaScript or TypeScript source by its braces, for showing them: no parser is at
hand, and what is misread costs an excerpt and nothing else."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

from agent.source.javascript.code import masked
from agent.source.structure import FunctionSpan

MAX_CHARACTERS = 200_000
MAX_BRACES = 20_000
"""Of a source; a larger one is shown without its functions."""
_BRACE = re.compile(r"[{}]")
_HEAD = re.compile(
    r"\bfunction\b\s*\*?\s*(?P<named>[\w$]*)"
    r"|(?P<bound>[\w$.]+)\s*[=:]\s*(?:async\s*)?(?:\([^{}]*\)|[\w$]+)\s*(?::[^={}]+)?=>\s*$"
    r"|(?P<arrow>=>)\s*$"
    r"|(?P<method>[\w$#]+)\s*\([^{}]*\)\s*(?::[^={}]+)?$"
)
_PARENTHESES = re.compile(r"\((?:[^()]|\([^()]*\))*\)")
_NO_METHODS = frozenset(("if", "for", "while", "switch", "catch", "with", "return"))
MAX_HEAD_CHARACTERS = 400


def javascript_functions(text: str) -> tuple[FunctionSpan, ...]:
    """The functions, in the order in which they begin; lines count from 1."""
    if len(text) > MAX_CHARACTERS:
        return ()
    return tuple(sorted(_spans(text), key=lambda span: (span.first, -span.last)))


def function_around(spans: tuple[FunctionSpan, ...], line: int) -> FunctionSpan | None:
    """The innermost function with a name that a line lies in; else the innermost of all."""
    inside = [span for span in spans if span.first <= line <= span.last]
    return max(inside, key=lambda span: (bool(span.name), span.first, -span.last), default=None)


def _spans(text: str) -> Iterator[FunctionSpan]:
    stack: list[tuple[int, str | None]] = []
    ends = [position for position, letter in enumerate(text) if letter == "\n"]
    for match in islice(_BRACE.finditer(masked(text)), MAX_BRACES):
        if match[0] == "{":
            head = _head(text, match.start())
            stack.append((match.start() - len(head), _name(head)))
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


def _name(head: str) -> str | None:
    """The name of the function whose body begins behind `head`; None for another block."""
    plain = _PARENTHESES.sub("()", _PARENTHESES.sub("()", head)).rstrip()
    matches = list(_HEAD.finditer(plain))
    match = matches[-1] if matches else None
    if match is None or match["method"] in _NO_METHODS:
        return None
    return match["named"] or match["bound"] or match["method"] or ""
