"""What is known of the sources of languages with braces, by the ends of their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.source.go.code import masked as masked_go
from agent.source.go.functions import go_functions
from agent.source.javascript.code import masked as masked_javascript
from agent.source.javascript.functions import javascript_functions
from agent.source.structure import FunctionSpan


@dataclass(frozen=True, kw_only=True)
class BraceLanguage:
    """How a source is read without a parser."""

    masked: Callable[[str], str]
    """The code without its comments and texts, as long as it was."""
    functions: Callable[[str], tuple[FunctionSpan, ...]]


JAVASCRIPT = BraceLanguage(masked=masked_javascript, functions=javascript_functions)
GO = BraceLanguage(masked=masked_go, functions=go_functions)


def functions_of(path: str, text: str) -> tuple[FunctionSpan, ...]:
    """The functions of a source file."""
    return (GO if path.endswith(".go") else JAVASCRIPT).functions(text)
