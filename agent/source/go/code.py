"""The code of a Go source without its texts."""

from __future__ import annotations

import re

_TEXTS = re.compile(
    # What is not closed ends with the text, or its line: so that each letter is looked at once.
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\[^\n]|[^'\\\n]){1,12}'|`[^`]*`?""",
    re.DOTALL,
)
_LETTER = re.compile(r"[^\n]")


def masked(text: str) -> str:
    """The source with blanks in place of comments, strings and runes; as long as it was, with the
    same lines."""
    return _TEXTS.sub(lambda match: _LETTER.sub(" ", match[0]), text)
