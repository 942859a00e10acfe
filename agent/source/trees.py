"""Syntax trees of files that may not parse."""

from __future__ import annotations

import ast

from sandbox.syntax import parse_module


def tree_of(content: bytes | str | None) -> ast.Module | None:
    """The syntax tree of a file or its text; an empty one where there is no file, None where it
    does not parse or nests too deeply for the parser."""
    try:
        return parse_module(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
