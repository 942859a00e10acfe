"""What is known of the sources of languages with braces, by the ends of their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.source.go.code import masked as masked_go
from agent.source.go.functions import go_functions
from agent.source.javascript.code import masked as masked_javascript
from agent.source.javascript.functions import javascript_functions
from agent.source.rust.code import masked as masked_rust
from agent.source.rust.functions import rust_functions
from agent.source.rust.test_regions import regions_of_tests
from agent.source.structure import FunctionSpan


@dataclass(frozen=True, kw_only=True)
class BraceLanguage:
    """How a source is read without a parser."""

    masked: Callable[[str], str]
    """The code without its comments and texts, as long as it was."""
    functions: Callable[[str], tuple[FunctionSpan, ...]]


JAVASCRIPT = BraceLanguage(masked=masked_javascript, functions=javascript_functions)
GO = BraceLanguage(masked=masked_go, functions=go_functions)
RUST = BraceLanguage(masked=masked_rust, functions=rust_functions)
_BY_END = {".go": GO, ".rs": RUST}


def functions_of(path: str, text: str) -> tuple[FunctionSpan, ...]:
    """The functions of a source file."""
    return _BY_END.get(path[-3:], JAVASCRIPT).functions(text)


def lines_of_tests(path: str, text: str) -> tuple[range, ...]:
    """The lines, from 1, of a source that are its tests'."""
    if not path.endswith(".rs"):
        return ()
    return tuple(
        range(text.count("\n", 0, one.start) + 1, text.count("\n", 0, one.end) + 2)
        for one in regions_of_tests(text)
    )
