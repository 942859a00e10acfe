"""Functions of a JavaScript or TypeScript source."""

from __future__ import annotations

import re

from agent.source.braces.spans import functions_by_braces
from agent.source.javascript.code import masked
from agent.source.structure import FunctionSpan

_HEAD = re.compile(
    r"\bfunction\b\s*\*?\s*(?P<named>[\w$]*)"
    r"|(?P<bound>[\w$.]+)\s*[=:]\s*(?:async\s*)?(?:\([^{}]*\)|[\w$]+)\s*(?::[^={}]+)?=>\s*$"
    r"|(?P<arrow>=>)\s*$"
    r"|(?P<method>[\w$#]+)\s*\([^{}]*\)\s*(?::[^={}]+)?$"
)
_NO_METHODS = frozenset(("if", "for", "while", "switch", "catch", "with", "return"))


def javascript_functions(text: str) -> tuple[FunctionSpan, ...]:
    """The functions, in the order in which they begin; lines count from 1."""
    return functions_by_braces(text, masked(text), _name)


def _name(plain: str) -> str | None:
    """The name of the function whose body begins behind a head; None for another block."""
    matches = list(_HEAD.finditer(plain))
    match = matches[-1] if matches else None
    if match is None or match["method"] in _NO_METHODS:
        return None
    return match["named"] or match["bound"] or match["method"] or ""
