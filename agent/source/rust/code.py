"""The code of a Rust source without its texts."""

from __future__ import annotations

import re

_TEXTS = re.compile(
    # What is not closed ends with the text: so that each letter is looked at once.
    r"""//[^\n]*|(?P<block>/\*)|\b(?:b|c)?r(?P<marks>\#{0,20})".*?(?:"(?P=marks)|\Z)"""
    r"""|(?:\bb|\bc)?"(?:\\.|[^"\\])*"?"""
    r"""|(?:\bb)?'(?:\\(?:u\{[0-9a-fA-F_]{1,8}\}|x[0-9a-fA-F]{2}|[^\n])|[^\\'\n])'""",
    re.DOTALL,
)
_MARK = re.compile(r"/\*|\*/")
_LETTER = re.compile(r"[^\n]")


def masked(text: str) -> str:
    """The source with blanks in place of comments, strings and characters; as long as it was, with
    the same lines. A lifetime (`'a`) stays."""
    pieces: list[str] = []
    position = 0
    while (match := _TEXTS.search(text, position)) is not None:
        end = _end_of_block(text, match.end()) if match["block"] else match.end()
        pieces += (text[position : match.start()], _LETTER.sub(" ", text[match.start() : end]))
        position = end
    return "".join((*pieces, text[position:]))


def _end_of_block(text: str, start: int) -> int:
    """Where a comment ends in which others may lie."""
    depth = 1
    for mark in _MARK.finditer(text, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)
