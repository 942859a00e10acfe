"""Small edits of Go, by the tokens of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.proposers.search.token_edits.edits import (
    NAME,
    Edit,
    Group,
    Source,
    TokenFamily,
    Tokens,
    depth_of,
)
from agent.source.braces.languages import GO

_ALIKE: tuple[Group, ...] = (
    ("comparison", 1.0, ("<", "<=", ">", ">=")),
    ("equality", 0.7, ("==", "!=")),
    ("arithmetic", 0.7, ("+", "-", "*", "/", "%")),
    ("bits", 0.5, ("&", "|", "^", "&^")),
    ("bits", 0.5, ("<<", ">>")),
    ("logic", 0.9, ("&&", "||")),
    ("assignment", 0.7, ("+=", "-=", "*=", "=")),
    ("assignment", 0.4, (":=", "=")),
    ("step", 0.6, ("++", "--")),
    ("boolean", 0.6, ("true", "false")),
    ("loop", 0.5, ("break", "continue")),
    ("function", 0.8, ("min", "max")),
    ("method", 0.8, ("Min", "Max")),
    ("method", 0.8, ("Floor", "Ceil", "Round", "Trunc")),
    ("method", 0.8, ("HasPrefix", "HasSuffix", "Contains")),
    ("method", 0.6, ("Index", "LastIndex")),
    ("method", 0.6, ("IndexByte", "LastIndexByte")),
    ("method", 0.6, ("ToLower", "ToUpper")),
    ("method", 0.6, ("TrimLeft", "TrimRight", "Trim")),
    ("method", 0.6, ("TrimPrefix", "TrimSuffix")),
    ("method", 0.6, ("SplitN", "SplitAfterN")),
    ("method", 0.6, ("Before", "After")),
    ("method", 0.6, ("IsLower", "IsUpper")),
    ("method", 0.6, ("IsDigit", "IsNumber", "IsLetter", "IsSpace")),
    ("method", 0.4, ("PushBack", "PushFront")),
    ("method", 0.4, ("Front", "Back")),
    ("method", 0.4, ("Next", "Prev")),
)
_TOKEN = re.compile(
    r"[A-Za-z_]\w*|\d[\w.]*|:=|<-|&\^=?|<<=?|>>=?|\+\+|--|&&|\|\||\.\.\.|[-+*/%<>=!&|^]=?|[^\s]"
)
_KEYWORDS = frozenset(
    (
        *("break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough"),
        *("for", "func", "go", "goto", "if", "import", "interface", "map", "package", "range"),
        *(
            "return",
            "select",
            "struct",
            "switch",
            "type",
            "var",
            "any",
            "bool",
            "byte",
            "complex64",
        ),
        *("complex128", "error", "float32", "float64", "int", "int8", "int16", "int32", "int64"),
        *("rune", "string", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "true"),
        *("false", "iota", "nil", "append", "cap", "clear", "close", "copy", "delete", "len"),
        *("make", "max", "min", "new", "panic", "print", "println", "recover", "_"),
    )
)
_CONDITION = re.compile(r"(?:\bif\b|\bfor\b)(?P<inside>[^{}]*[^{}\s])\s*\{\s*$")
_LOGIC = re.compile(r"\s*(?:&&|\|\|)\s*")
_NO_STATEMENTS = frozenset(
    (
        *("func", "if", "for", "else", "switch", "select", "case", "default", "package", "import"),
        *("var", "type", "const", "return", "go", "goto"),
    )
)


def _further(
    source: Source,
    tokens: Tokens,
    begin: int,
    end: int,
    message: str,  # noqa: ARG001 - no form of Go guards against nil alone
) -> Iterator[Edit]:
    yield from _bounds(tokens)
    yield from _lengths(source, tokens, end)
    yield from _conditions(source, begin, end)
    yield from _statements(source, begin, end)


def _bounds(tokens: Tokens) -> Iterator[Edit]:
    """`i + 1` or `i - 1` for the index or the bound `i`, and the other way round."""
    for index, (word, start) in enumerate(tokens):
        before = tokens[index - 1][0] if index else ""
        following = [text for text, _ in tokens[index + 1 : index + 3]]
        is_value = NAME.match(word) is not None and word not in _KEYWORDS
        after = start + len(word)
        if len(following) == 2 and following[0] in ("+", "-") and following[1] == "1":
            if is_value or word in (")", "]"):
                yield Edit(after, tokens[index + 2][1] + 1, "", "bound", 0.7)
        elif is_value and before in ("[", ":") and following[:1] in (["]"], [":"]):
            yield Edit(after, after, "+1", "bound", 0.5)
            yield Edit(after, after, "-1", "bound", 0.5)


def _lengths(source: Source, tokens: Tokens, end: int) -> Iterator[Edit]:
    """`len(x) - 1` and `len(x) + 1` for `len(x)`."""
    for word, start in tokens:
        close = source.code.find(")", start, end) + 1
        inside = source.code[start + len(word) : close]
        is_plain = inside.count("(") == 1 and inside.startswith("(")
        is_offset = source.code[close:end].lstrip()[:1] in ("+", "-")
        if word == "len" and is_plain and not is_offset:
            yield Edit(close, close, "-1", "bound", 0.6)
            yield Edit(close, close, "+1", "bound", 0.4)


def _conditions(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """The condition of `if` or `for` negated, or without one of its parts."""
    match = _CONDITION.search(source.code, begin, end)
    if match is None or "range" in match["inside"].split():
        return
    parts = match["inside"].split(";")
    if len(parts) > 3:
        return
    start = match.start("inside")
    if len(parts) == 2 or (len(parts) == 3 and match[0].startswith("for")):
        place = 1
        start += len(parts[0]) + 1
    else:
        place = 0
    code = parts[place]
    first = start + len(code) - len(code.lstrip())
    last = start + len(code.rstrip())
    text = source.text[first:last]
    if not text:
        return
    yield Edit(first, last, f"!({text})", "negation", 0.8)
    for part in _LOGIC.finditer(source.code, first, last):
        yield Edit(first, part.end(), "", "condition", 0.4)
        yield Edit(part.start(), last, "", "condition", 0.4)


def _statements(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """A statement of one line dropped."""
    code = source.code[begin:end]
    words = re.match(r"\s*(\w+)", code)
    is_whole = depth_of(code) == 0 and not code.rstrip().endswith((",", "{", "(", "+", "&&", "||"))
    if words is None or not is_whole or words[1] in _NO_STATEMENTS or ":=" in code:
        return
    if not re.match(r"\s*\w+\s*:|\s*\w+$|\s*\w+\s+[\w*\[\]]+$", code) or words[1] in (
        "break",
        "continue",
    ):
        start = begin + len(code) - len(code.lstrip())
        yield Edit(start, begin + len(code.rstrip()), "", "statement", 0.3)


FAMILY = TokenFamily(
    name="go",
    language=GO,
    token=_TOKEN,
    alike=_ALIKE,
    keywords=_KEYWORDS,
    defining=frozenset(("const", "var", "type")),
    introducing=frozenset((".", "const", "var", "type", "func", "package", "import", "struct")),
    named_by=frozenset((":", ":=")),
    further=_further,
)
