"""The statements of a stretch of JavaScript, without a parser: what is misread gives a test that
does not run, and is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.source.javascript.code import masked

MAX_CHARACTERS = 20_000
_GOES_ON = re.compile(r"\s*(?:[.?:)\]},*/%=<>]|&&|\|\||[-+](?![-+])|else\b|catch\b|finally\b)")
_IS_OPEN = re.compile(r"(?:[=(\[{,.?:&|<>*/%]|[^+]\+|[^-]-|=>)\s*$")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Statement:
    """One statement at the top of a text."""

    text: str
    """Without its comment and semicolon."""
    comment: str
    """What a comment behind it says, and those on lines of their own below."""
    line: int
    """From 0."""
    masked: str
    """The text with `_` for each letter of a string."""


def statements(text: str) -> list[Statement]:
    """The statements, in their order; none where the brackets do not fit."""
    if len(text) > MAX_CHARACTERS:
        return []
    code = masked(text, of_values="_")
    return [
        Statement(
            *_with_comment(text, start, end, next_start),
            text.count("\n", 0, start),
            code[start:end],
        )
        for start, end, next_start in _spans(code)
    ]


def _spans(code: str) -> Iterator[tuple[int, int, int]]:
    """Start and end of each statement, and where the next one begins."""
    spans: list[tuple[int, int]] = []
    depth, start = 0, 0
    for position, letter in enumerate(code):
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if depth < 0:
            return
        is_end = letter == ";" or (letter == "\n" and not _is_continued(code, start, position))
        if depth == 0 and is_end:
            spans.append((start, position))
            start = position + 1
    if depth:
        return
    spans.append((start, len(code)))
    filled = [
        (
            start + len(code[start:end]) - len(code[start:end].lstrip()),
            start + len(code[start:end].rstrip()),
        )
        for start, end in spans
        if code[start:end].strip()
    ]
    for number, (first, last) in enumerate(filled):
        yield first, last, filled[number + 1][0] if number + 1 < len(filled) else len(code)


def _is_continued(code: str, start: int, position: int) -> bool:
    """Whether the statement goes on in the next line."""
    if not code[start:position].strip():
        return True
    return bool(_IS_OPEN.search(code, start, position) or _GOES_ON.match(code, position + 1))


def _with_comment(text: str, start: int, end: int, next_start: int) -> tuple[str, str]:
    """A statement, and what comments say behind it. One on a line of its own above the next
    statement may belong to that: it counts where a blank line or nothing follows it."""
    tail = text[end:next_start]
    first, _, below = tail.partition("\n")
    lines = [first] if "//" in first or "/*" in first else []
    for line in below.split("\n"):
        if not line.strip().startswith(("//", "/*")):
            break
        lines.append(line)
    words = (re.sub(r"^[\s;]*(?://+|/\*+)|\*/\s*$", "", line).strip() for line in lines)
    return text[start:end], "\n".join(word for word in words if word)
