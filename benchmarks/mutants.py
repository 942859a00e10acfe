"""Tokens of a program swapped for their like, by a rule that knows nothing of the catalogue.

For measuring how fast candidates are validated (the same ones for every way of doing it), and
for damaging a fix that is then to be mended.
"""

from __future__ import annotations

import difflib
import io
import keyword
import random
import tokenize
from collections.abc import Container, Iterator

from sandbox.source import SourceEdit, apply_edits

LIKE = (
    ("<", "<=", ">", ">=", "==", "!="),
    ("+", "-", "*", "//", "%"),
    ("and", "or"),
    ("+=", "-=", "*="),
    ("True", "False"),
)


def mutants(path: str, text: str, most: int = 400) -> list[SourceEdit]:
    """Return up to `most` edits that compile, spread over the whole text."""
    edits = [edit for edit in _edits(path, text) if _compiles(apply_edits(text, [edit]))]
    step = max(1, -(-len(edits) // most))
    return edits[::step]


def swapped(path: str, text: str, lines: Container[int], draw: random.Random) -> SourceEdit | None:
    """One edit that compiles, drawn: first a token on one of the lines (from 1), then what
    stands in its place. None when no token there has a like."""
    spots: dict[tuple[int, int], list[SourceEdit]] = {}
    for edit in _edits(path, text):
        if text.count("\n", 0, edit.start) + 1 in lines:
            spots.setdefault((edit.start, edit.end), []).append(edit)
    while spots:
        place = draw.choice(list(spots))
        edit = draw.choice(spots[place])
        if _compiles(apply_edits(text, [edit])):
            return edit
        spots[place].remove(edit)
        if not spots[place]:
            del spots[place]
    return None


def damaged(old: str, new: str, path: str, seed: str) -> str | None:
    """The fixed text with one token swapped on a line that the fix wrote; None without one."""
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    touched = {
        line + 1
        for tag, _, _, low, high in matcher.get_opcodes()
        if tag != "equal"
        for line in range(low, high)
    }
    made = swapped(path, new, touched, random.Random(seed))
    return None if made is None else apply_edits(new, [made])


def _edits(path: str, text: str) -> Iterator[SourceEdit]:
    tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    names = sorted(
        {token.string for token in tokens if token.type == tokenize.NAME} - set(keyword.kwlist)
    )
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokens:
        begin = starts[token.start[0] - 1] + token.start[1]
        for other in _others(token, names):
            yield SourceEdit(path, begin, begin + len(token.string), other)


def _others(token: tokenize.TokenInfo, names: list[str]) -> list[str]:
    if token.type == tokenize.NUMBER and token.string.isdigit():
        return [str(int(token.string) + 1), str(max(int(token.string) - 1, 0))]
    for group in LIKE:
        if token.string in group:
            return [other for other in group if other != token.string]
    if token.type == tokenize.NAME and token.string in names:
        return [name for name in names if name != token.string]
    return []


def _compiles(text: str) -> bool:
    try:
        compile(text, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
