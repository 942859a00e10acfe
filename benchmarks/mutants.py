"""Tokens of a program swapped for their like, by a rule that knows nothing of the catalogue.

For measuring how fast candidates are validated (the same ones for every way of doing it), and
for damaging a fix that is then to be mended.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Container

from agent.source.token_swaps import swap_compiles, token_swaps
from sandbox.source import SourceEdit, apply_edits


def mutants(path: str, text: str, most: int = 400) -> list[SourceEdit]:
    """Return up to `most` edits that compile, spread over the whole text."""
    edits = [edit for edit in token_swaps(path, text) if swap_compiles(text, edit)]
    step = max(1, -(-len(edits) // most))
    return edits[::step]


def swapped(path: str, text: str, lines: Container[int], draw: random.Random) -> SourceEdit | None:
    """One edit that compiles, drawn: first a token on one of the lines (from 1), then what
    stands in its place. None when no token there has a like."""
    spots: dict[tuple[int, int], list[SourceEdit]] = {}
    for edit in token_swaps(path, text):
        if text.count("\n", 0, edit.start) + 1 in lines:
            spots.setdefault((edit.start, edit.end), []).append(edit)
    while spots:
        place = draw.choice(list(spots))
        edit = draw.choice(spots[place])
        if swap_compiles(text, edit):
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
