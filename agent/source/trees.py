"""Syntax trees of files that may not parse."""

from __future__ import annotations

import ast

from sandbox.syntax import parse_module

MAX_DECIMAL_BITS = 14_000
"""Of a number that Python writes in decimal; of a larger one `repr` and `ast.unparse` raise."""


def tree_of(content: bytes | str | None) -> ast.Module | None:
    """The syntax tree of a file or its text; an empty one where there is no file, None where it
    does not parse or nests too deeply for the parser. It is to be read, not to be run: a number of
    thousands of digits stands in it as text."""
    try:
        return _with_short_numbers(parse_module(content or b""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _with_short_numbers(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int) and value.bit_length() > MAX_DECIMAL_BITS:
            node.value = hex(value)  # type: ignore[attr-defined]
    return tree
