"""Tokens of a program swapped for their like: small faults, made by a rule of its own."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sandbox.source import SourceEdit, apply_edits

LIKE = (
    ("<", "<=", ">", ">=", "==", "!="),
    ("+", "-", "*", "//", "%"),
    ("and", "or"),
    ("+=", "-=", "*="),
    ("True", "False"),
)


@dataclass(frozen=True)
class Token:
    """A token and where it stands."""

    kind: int
    """As in `tokenize`."""
    text: str
    line: int
    """From 1, as `lines_of` divides the text."""
    start: int
    """In characters, from the begin of the text."""

    @property
    def is_name(self) -> bool:
        return self.kind == tokenize.NAME and not keyword.iskeyword(self.text)


def lines_of(text: str) -> list[str]:
    """The lines as the tokenizer counts them: a form feed ends none."""
    return list(io.StringIO(text, newline=""))


def tokens_of(text: str, last_line: int | None = None) -> Iterator[Token]:
    """The tokens up to this line (from 1), or all; raises SyntaxError or TokenError."""
    starts = [0]
    for line in lines_of(text):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        line_number, column = token.start
        if last_line is not None and line_number > last_line:
            return
        yield Token(token.type, token.string, line_number, starts[line_number - 1] + column)


def token_swaps(path: str, text: str) -> Iterator[SourceEdit]:
    """Every swap of one token of `text`, in its order; some do not compile (`swap_compiles`)."""
    tokens = list(tokens_of(text))
    return swaps_of(path, tokens, sorted({token.text for token in tokens if token.is_name}))


def swaps_of(path: str, tokens: Sequence[Token], names: Collection[str]) -> Iterator[SourceEdit]:
    """Every swap of one of these tokens; of a name for these names alone."""
    for token in tokens:
        for replacement in _others(token, names):
            yield SourceEdit(path, token.start, token.start + len(token.text), replacement)


def swap_compiles(text: str, edit: SourceEdit) -> bool:
    try:
        compile(apply_edits(text, [edit]), "<swap>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # the last two: it nests too deeply for the compiler
    return True


def _others(token: Token, names: Collection[str]) -> list[str]:
    if token.kind == tokenize.NUMBER and token.text.isdigit():
        return [str(int(token.text) + 1), str(max(int(token.text) - 1, 0))]
    for group in LIKE:
        if token.text in group:
            return [alternative for alternative in group if alternative != token.text]
    return [name for name in names if name != token.text] if token.is_name else []
