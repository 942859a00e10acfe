"""The code of a JavaScript or TypeScript source without its texts: no parser is at hand, and what
is misread costs a candidate that does not run, or an excerpt."""

from __future__ import annotations

import re

_TEXTS = re.compile(
    # What is not closed ends with the text, or its line: so that each letter is looked at once.
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?"""
    r"""|(?<=[(,=:\[!&|?{};\n])[ ]?/(?![/*])(?:\\.|\[[^\]\n]{0,100}\]|[^/\\\n\[]){1,200}/""",
    re.DOTALL,
)
_LETTER = re.compile(r"[^\n]")


def masked(text: str) -> str:
    """The source with blanks in place of comments, strings, templates and regular expressions; as
    long as it was, with the same lines."""
    return _TEXTS.sub(lambda match: _LETTER.sub(" ", match[0]), text)
