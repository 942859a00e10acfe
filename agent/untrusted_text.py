"""Untrusted text made safe to print, and to put into a prompt: test ids, messages, diffs and file
names of the target."""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Cc controls (ESC, CSI, DEL, ...); Cf invisible characters that change how the text around them
# reads (CVE-2021-42574); Cs lone surrogates, which no terminal can encode; odd line breaks.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile(r"[^\x20-\x7e]")


def printable(text: str) -> str:
    """Return `text` as one line a terminal shows as it is: controls become visible escapes."""
    return _SUSPECT.sub(_shown, text)


def printable_lines(text: str) -> list[str]:
    r"""Split at `\n` only and make each line printable; tabs become four spaces."""
    return [printable(line.replace("\t", "    ")) for line in text.split("\n")]


def shortened(text: str, width: int) -> str:
    """Return `text` printable and at most `width` characters, the middle cut out."""
    line = printable(text)
    if len(line) <= width:
        return line
    if width < 5:
        return line[: max(width, 0)]
    head = (width - 1) // 2
    return f"{line[:head]}…{line[len(line) - (width - 1 - head) :]}"


def marked(text: str) -> str:
    """`text` between two marks. They hold its own SHA-256 whole: no text that holds its own can be
    searched for, so none ends the data early. The same text has the same marks, so that prompts
    can be cached and replayed."""
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<untrusted-{mark}>\n{text}\n</untrusted-{mark}>"


def _shown(match: re.Match[str]) -> str:
    character = match.group()
    if unicodedata.category(character) in _UNSAFE:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
