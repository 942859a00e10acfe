"""Python's own parser, safe to use from several threads.

Until Python 3.13 `ast.parse` counts its depth in one place for the whole interpreter: where the
garbage collector lets another thread parse in between, both end with a SystemError
(https://github.com/python/cpython/issues/106905). So one thread parses at a time, and what other
libraries spoiled is done again.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

ATTEMPTS = 50
_ONE_AT_A_TIME = threading.RLock()


def parse_module(source: str | bytes) -> ast.Module:
    """The tree of a file. Raises SyntaxError, ValueError and RecursionError like `ast.parse`."""
    return _parsed(source, "exec")  # type: ignore[no-any-return]


def parse_expression(source: str) -> ast.expr:
    """The tree of one expression; raises what `parse_module` does."""
    return _parsed(source, "eval").body  # type: ignore[no-any-return]


def literal(source: str | ast.expr) -> Any:
    """The value of a literal, given as text or as its tree; raises what `ast.literal_eval` does."""
    tree = parse_expression(source.lstrip(" \t")) if isinstance(source, str) else source
    return ast.literal_eval(tree)  # noqa: TID251


def _parsed(source: str | bytes, mode: str) -> Any:
    for attempt in range(ATTEMPTS):
        with _ONE_AT_A_TIME:
            try:
                return ast.parse(source, mode=mode)  # noqa: TID251
            except SystemError:
                if attempt == ATTEMPTS - 1:
                    raise
    raise AssertionError
