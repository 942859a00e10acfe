"""Where a text stops being Python."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from sandbox.syntax import parse_module


@dataclass(frozen=True)
class Fault:
    """Place and message of the first syntax error of a text."""

    line: int
    column: int
    """From 0; near enough where the line holds wide characters."""
    other_line: int
    """Another line it names, e.g. where a statement without a block begins; else `line`."""
    message: str


def fault_of(text: str) -> Fault | None:
    """Where the text stops being Python; None when all of it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parse_module(text)
            compile(text, "<base>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = error.lineno or 1
        line_match = re.search(r"on line (\d+)", error.msg or "")
        second_line = int(line_match[1]) if line_match else error.end_lineno or line
        return Fault(line, max((error.offset or 1) - 1, 0), second_line, error.msg or "")
    except (ValueError, RecursionError, MemoryError):
        return Fault(1, 0, 1, "the source cannot be parsed")
    return None
