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


def masked(text: str, *, of_values: str = " ") -> str:
    """The source with blanks in place of comments, and a letter in place of each of strings,
    templates and regular expressions; as long as it was, with the same lines."""

    def blank(match: re.Match[str]) -> str:
        is_comment = match[0].startswith(("//", "/*"))
        return _LETTER.sub(" " if is_comment else of_values, match[0])

    return _TEXTS.sub(blank, text)
