"""Edits to source text, as character spans against the base."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class SourceEdit:
    """Replace characters `start:end` of the base text of `path` by `replacement`.

    Offsets count characters of the decoded text (PEP 263 encoding, byte-order mark dropped)
    with its line endings kept as they stand in the file, so CRLF counts as two.
    """

    path: str
    start: int
    end: int
    replacement: str


def apply_edits(text: str, edits: Iterable[SourceEdit]) -> str:
    """Return `text` with the edits of one file applied.

    Raises ValueError when two edits overlap or one lies outside the text.
    """
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits):
        if edit.start < position or edit.end < edit.start or edit.end > len(text):
            raise ValueError(f"edit {edit.start}:{edit.end} of {edit.path} overlaps or is outside")
        pieces += (text[position : edit.start], edit.replacement)
        position = edit.end
    pieces.append(text[position:])
    return "".join(pieces)
