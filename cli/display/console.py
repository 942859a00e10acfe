"""How text reaches the user: which streams, and whether there is a person at the other end."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.console import Console

PIPE_WIDTH_CHARACTERS = 200
"""Columns of a table where no terminal sets them."""


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
    try:
        print(sentence, file=sys.stderr, flush=True)
    except UnicodeEncodeError:  # LANG=C
        print(ascii(sentence)[1:-1], file=sys.stderr, flush=True)
