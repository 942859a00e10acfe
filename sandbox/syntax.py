"""Python's own parser, safe to use from several threads.

On Python 3.11 `ast.parse` counts its depth in one place for the whole interpreter, and the garbage
collector may run while it makes its nodes: where a finalizer lets another thread parse meanwhile,
both end with a SystemError. From 3.12 on the collector waits for bytecode
(https://docs.python.org/3/whatsnew/3.12.html). So one thread parses at a time, and what another
library spoiled is done again.
"""

from __future__ import annotations

import ast
import threading
from contextlib import suppress
from typing import Any, TypeAlias

AnyFunction: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
MAX_PARSE_ATTEMPTS = 50
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
    with _ONE_AT_A_TIME:
        for _ in range(MAX_PARSE_ATTEMPTS - 1):
            with suppress(SystemError):
                return ast.parse(source, mode=mode)  # noqa: TID251
        return ast.parse(source, mode=mode)  # noqa: TID251
