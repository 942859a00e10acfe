"""How text reaches the user: which streams, and whether there is a person at the other end."""

from __future__ import annotations

import codecs
import io
import sys
from typing import TextIO

from rich.console import Console

PIPE_WIDTH_CHARACTERS = 200
"""Columns of a table where no terminal sets them."""
PLAINER = "repair.plainer"
"""Name of the error handler of our streams."""
_ASCII = {
    "→": "->",
    "←": "<-",
    "…": "...",
    "•": "*",
    "·": "*",
    "\N{EN DASH}": "-",
    "—": "-",
    "─": "-",
    "━": "=",
    "│": "|",
    "✓": "ok",
    "✗": "x",
    "\N{MULTIPLICATION SIGN}": "x",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "“": '"',
    "”": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
"""What stands for a character of ours where the terminal has none."""


class PlainConsole(Console):
    """A console that leaves a closed pipe to `main`; rich's own would end with 1, not repaired."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console(stream: TextIO) -> Console:
    """A console that takes nothing in its input for markup, links or emoji names."""
    width = None if stream.isatty() else PIPE_WIDTH_CHARACTERS
    return PlainConsole(file=stream, width=width, markup=False, highlight=False, emoji=False)


def animated(console: Console) -> bool:
    """Whether a live display makes sense: a terminal that can move its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def say(sentence: str) -> None:
    """A sentence of the command itself, on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def survive_every_encoding() -> None:
    """Have stdout and stderr write what their encoding lacks (LANG=C) in other characters: no
    text is worth a repair that ends with an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAINER)


def as_written(console: Console, text: str) -> str:
    """`text` in the characters that such a stream of ours gets: what it lacks may become longer."""
    return text.encode(console.encoding, PLAINER).decode(console.encoding)


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    plain = (
        _ASCII.get(c) or c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in characters
    )
    return "".join(plain), error.end


codecs.register_error(PLAINER, _plainer)
