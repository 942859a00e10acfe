"""Small edits of Rust, by the tokens of a line."""

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
    closing,
    depth_of,
)
from agent.source.braces.languages import RUST

_ALIKE: tuple[Group, ...] = (
    ("comparison", 1.0, ("<", "<=", ">", ">=")),
    ("equality", 0.7, ("==", "!=")),
    ("arithmetic", 0.7, ("+", "-", "*", "/", "%")),
    ("bits", 0.3, ("&", "|", "^")),
    ("bits", 0.5, ("<<", ">>")),
    ("logic", 0.9, ("&&", "||")),
    ("range", 0.9, ("..", "..=")),
    ("assignment", 0.7, ("+=", "-=", "*=", "=")),
    ("bits", 0.5, ("&=", "|=", "^=")),
    ("boolean", 0.6, ("true", "false")),
    ("loop", 0.5, ("break", "continue")),
    ("constant", 0.7, ("Less", "Greater", "Equal")),
    ("constant", 0.6, ("MAX", "MIN")),
    ("function", 0.8, ("min", "max")),
    ("method", 0.8, ("is_some", "is_none")),
    ("method", 0.8, ("is_ok", "is_err")),
    ("method", 0.8, ("first", "last")),
    ("method", 0.6, ("front", "back")),
    ("method", 0.6, ("push_front", "push_back")),
    ("method", 0.6, ("pop_front", "pop_back", "pop")),
    ("method", 0.8, ("any", "all")),
    ("method", 0.8, ("floor", "ceil", "round", "trunc")),
    ("method", 0.8, ("starts_with", "ends_with", "contains")),
    ("method", 0.6, ("strip_prefix", "strip_suffix")),
    ("method", 0.6, ("find", "rfind")),
    ("method", 0.6, ("position", "rposition")),
    ("method", 0.6, ("split_once", "rsplit_once")),
    ("method", 0.6, ("splitn", "rsplitn")),
    ("method", 0.6, ("trim", "trim_start", "trim_end")),
    ("method", 0.6, ("to_lowercase", "to_uppercase")),
    ("method", 0.6, ("to_ascii_lowercase", "to_ascii_uppercase")),
    ("method", 0.6, ("is_lowercase", "is_uppercase")),
    ("method", 0.6, ("is_ascii_lowercase", "is_ascii_uppercase", "is_ascii_alphabetic")),
    ("method", 0.6, ("is_alphabetic", "is_alphanumeric", "is_numeric", "is_whitespace")),
    ("method", 0.6, ("is_ascii_digit", "is_ascii_alphanumeric", "is_ascii_hexdigit")),
    ("method", 0.8, ("min_by_key", "max_by_key")),
    ("method", 0.8, ("min_by", "max_by")),
    ("method", 0.6, ("take", "skip")),
    ("method", 0.6, ("take_while", "skip_while")),
    ("method", 0.6, ("sum", "product")),
    ("method", 0.6, ("keys", "values")),
    ("method", 0.6, ("and", "or")),
    ("method", 0.6, ("len", "capacity")),
    ("method", 0.6, ("chars", "bytes")),
    ("method", 0.6, ("insert", "remove")),
    ("method", 0.7, ("saturating_sub", "saturating_add", "saturating_mul", "wrapping_sub")),
    ("method", 0.7, ("wrapping_add", "wrapping_sub", "wrapping_mul", "saturating_add")),
    ("method", 0.7, ("checked_add", "checked_sub", "checked_mul", "checked_div")),
    ("method", 0.6, ("div_euclid", "rem_euclid")),
    ("method", 0.4, ("next", "next_back", "last")),
)
_TOKEN = re.compile(
    r"[A-Za-z_]\w*!(?=\s*[(\[{])|'\w+(?!')|[A-Za-z_]\w*|\d+(?:\.\d+)?(?:_?[a-z]\w*)?|\.\.[.=]?|::|->|=>"
    r"|<<=?|>>=?|&&|\|\||[-+*/%<>=!&|^]=?|[^\s]"
)
_KEYWORDS = frozenset(
    (
        *("as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum"),
        *("extern", "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod"),
        *("move", "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super"),
        *("trait", "true", "type", "unsafe", "use", "where", "while", "yield", "_", "Some", "None"),
        *("Ok", "Err", "Option", "Result", "Vec", "String", "Box", "str", "bool", "char", "i8"),
        *("i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"),
        *("f32", "f64", "std", "core", "alloc"),
    )
)
_CONDITION = re.compile(r"\b(?:if|while)\b(?P<inside>[^{}]*[^{}\s])\s*\{")
_LOGIC = re.compile(r"\s*(?:&&|\|\|)\s*")
_LENGTH = re.compile(r"\.len\(\)")
_REVERSED = re.compile(r"\.rev\(\)")
_ITERATED = re.compile(r"\.(?:iter|chars|into_iter|iter_mut|char_indices|lines|bytes)\(\)(?!\.rev)")
_NO_STATEMENTS = frozenset(
    (
        *("fn", "if", "for", "else", "while", "loop", "match", "let", "pub", "use", "mod", "impl"),
        *("struct", "enum", "trait", "type", "const", "static", "return", "where", "unsafe"),
    )
)


def _further(
    source: Source,
    tokens: Tokens,
    begin: int,
    end: int,
    message: str,  # noqa: ARG001 - no form of Rust guards against one message alone
) -> Iterator[Edit]:
    yield from _bounds(tokens)
    yield from _lengths(source, begin, end)
    yield from _conditions(source, begin, end)
    yield from _orders(source, begin, end)
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
        elif is_value and _is_bound(before, following[0] if following else ""):
            yield Edit(after, after, " + 1", "bound", 0.5)
            yield Edit(after, after, " - 1", "bound", 0.5)


def _is_bound(before: str, after: str) -> bool:
    """Whether what stands between these is an index or the end of a range."""
    ranges = ("..", "..=")
    return (before == "[" and after in ("]", *ranges)) or (
        before in ranges and after in ("]", "{", ")")
    )


def _lengths(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """`x.len() - 1` and `x.len() + 1` for `x.len()`."""
    for match in _LENGTH.finditer(source.code, begin, end):
        place = match.end()
        if source.code[place:end].lstrip()[:1] not in ("+", "-", "."):
            yield Edit(place, place, " - 1", "bound", 0.6)
            yield Edit(place, place, " + 1", "bound", 0.4)


def _conditions(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """The condition of `if` or `while` negated, or without one of its parts."""
    for match in _CONDITION.finditer(source.code, begin, end):
        first, last = match.span("inside")
        first += len(match["inside"]) - len(match["inside"].lstrip())
        text = source.text[first:last]
        if not text or text.startswith("let ") or depth_of(source.code[first:last]) != 0:
            continue
        yield Edit(first, last, f"!({text})", "negation", 0.8)
        for part in _LOGIC.finditer(source.code, first, last):
            yield Edit(first, part.end(), "", "condition", 0.4)
            yield Edit(part.start(), last, "", "condition", 0.4)


def _orders(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """An iteration the other way round, and the two sides of a comparison of `cmp`."""
    for match in _REVERSED.finditer(source.code, begin, end):
        yield Edit(match.start(), match.end(), "", "order", 0.7)
    for match in _ITERATED.finditer(source.code, begin, end):
        yield Edit(match.end(), match.end(), ".rev()", "order", 0.3)
    for match in re.finditer(r"(\w+(?:\.\w+)*)\.(?:partial_)?cmp\(", source.code[begin:end]):
        opening = begin + match.end() - 1
        close = closing(source.code, opening)
        if close is None or close > end:
            continue
        left, right = match[1], source.text[opening + 1 : close].strip()
        name = source.text[begin + match.end(1) + 1 : opening]
        if right.startswith("&"):
            swapped = f"{right[1:]}.{name}(&{left})"
            yield Edit(begin + match.start(), close + 1, swapped, "order", 0.8)


def _statements(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """A statement of one line dropped."""
    code = source.code[begin:end]
    words = re.match(r"\s*[*(]?(\w+)", code)
    is_whole = depth_of(code) == 0 and code.rstrip().endswith(";")
    if words is not None and is_whole and words[1] not in _NO_STATEMENTS:
        start = begin + len(code) - len(code.lstrip())
        yield Edit(start, begin + len(code.rstrip()), "", "statement", 0.3)


FAMILY = TokenFamily(
    name="rust",
    language=RUST,
    token=_TOKEN,
    alike=_ALIKE,
    keywords=_KEYWORDS,
    defining=frozenset(("let", "const", "static", "type")),
    introducing=frozenset(
        (
            *(".", "::", "let", "mut", "fn", "struct", "enum", "use", "mod", "impl", "trait"),
            *("type", "const", "static", "for", "->", "dyn", "as"),
        )
    ),
    named_by=frozenset((":", "::", "=>")),
    further=_further,
    typed_ends=(".rs",),
)
