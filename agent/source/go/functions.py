"""Functions of a Go source."""

from __future__ import annotations

import re

from agent.source.braces.spans import functions_by_braces
from agent.source.go.code import masked
from agent.source.structure import FunctionSpan

_DECLARED = re.compile(r"^func\s*(?:\(\)\s*)?(?P<name>\w+)", re.MULTILINE)
_LITERAL = re.compile(r"\bfunc\s*\(\)[^\n]*$")


def go_functions(text: str) -> tuple[FunctionSpan, ...]:
    """The functions and methods, in the order in which they begin; lines count from 1."""
    return functions_by_braces(text, masked(text), _name)


def _name(plain: str) -> str | None:
    """The name of the function whose body begins behind a head; empty for one without a name."""
    matches = list(_DECLARED.finditer(plain))
    if matches:
        return matches[-1]["name"]
    return "" if _LITERAL.search(plain) else None
