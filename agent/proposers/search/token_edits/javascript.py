"""Small edits of JavaScript and TypeScript, by the tokens of a line."""

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
from agent.source.braces.languages import JAVASCRIPT

_ALIKE: tuple[Group, ...] = (
    ("comparison", 1.0, ("<", "<=", ">", ">=")),
    ("equality", 0.7, ("===", "!==")),
    ("equality", 0.7, ("==", "!=")),
    ("arithmetic", 0.7, ("+", "-", "*", "/", "%")),
    ("logic", 0.9, ("&&", "||", "??")),
    ("assignment", 0.7, ("+=", "-=", "*=", "=")),
    ("step", 0.6, ("++", "--")),
    ("boolean", 0.6, ("true", "false")),
    ("loop", 0.5, ("break", "continue")),
    ("method", 0.8, ("push", "unshift", "concat")),
    ("method", 0.8, ("pop", "shift")),
    ("method", 0.8, ("min", "max")),
    ("method", 0.8, ("floor", "ceil", "round", "trunc")),
    ("method", 0.8, ("some", "every")),
    ("method", 0.6, ("filter", "find", "map")),
    ("method", 0.6, ("findIndex", "findLastIndex", "indexOf", "lastIndexOf")),
    ("method", 0.6, ("slice", "splice")),
    ("method", 0.6, ("startsWith", "endsWith", "includes")),
    ("method", 0.6, ("toLowerCase", "toUpperCase")),
    ("method", 0.6, ("trim", "trimStart", "trimEnd")),
    ("method", 0.6, ("padStart", "padEnd")),
    ("method", 0.6, ("keys", "values", "entries")),
    ("method", 0.6, ("replace", "replaceAll")),
    ("function", 0.6, ("parseInt", "parseFloat", "Number")),
    ("method", 0.4, ("reduce", "reduceRight")),
)
_TOKEN = re.compile(
    r"[A-Za-z_$][\w$]*|\d[\w.]*|===|!==|=>|\+\+|--|&&=?|\|\|=?|\?\?=?|\?\.|\.\.\.|[-+*/%<>=!]=?|[^\s]"
)
_CONDITION = re.compile(r"\b(?:if|while)\s*\(")
_KEYWORDS = frozenset(
    (
        *("abstract", "any", "as", "async", "await", "boolean", "break", "case", "catch", "class"),
        *("const", "constructor", "continue", "debugger", "default", "delete", "do", "else"),
        *("enum", "export", "extends", "false", "finally", "for", "from", "function", "get", "if"),
        *("implements", "import", "in", "instanceof", "interface", "is", "let", "new", "null"),
        *("number", "of", "private", "protected", "public", "readonly", "return", "set", "static"),
        *("string", "super", "switch", "this", "throw", "true", "try", "type", "typeof"),
        *("undefined", "unknown", "var", "void", "while", "with", "yield"),
    )
)
_MISSING = re.compile(r"of undefined|of null|undefined is not|null is not|is not iterable")
"""Messages of what a guard would have kept from happening."""
_NO_TEXT = re.compile(
    r"\.\w+ is not a function|must be (?:of type |an? )?string|received an instance"
)
"""Messages where something was taken for a text."""
_BEFORE_VALUE = frozenset(("=", "(", ",", "return", "??", "||", ":"))
_BEHIND_VALUE = frozenset((";", ")", ",", "]", ""))


def _further(source: Source, tokens: Tokens, begin: int, end: int, message: str) -> Iterator[Edit]:
    yield from _bounds(tokens)
    yield from _conditions(source, begin, end)
    yield from _guards(tokens, 0.9 if _MISSING.search(message) else 0.2)
    yield from _texts(tokens, 0.7 if _NO_TEXT.search(message) else 0.1)
    yield from _statements(source, begin, end)


def _texts(tokens: Tokens, weight: float) -> Iterator[Edit]:
    """`String(a)` for `a` where a value is given on."""
    words = ["", *(word for word, _ in tokens), ""]
    if "function" in words or "=>" in words or words[-2] == "{":
        return  # it names parameters
    for index, (word, start) in enumerate(tokens, 1):
        is_value = words[index - 1] in _BEFORE_VALUE and words[index + 1] in _BEHIND_VALUE
        if is_value and NAME.match(word) and word not in _KEYWORDS:
            yield Edit(start, start + len(word), f"String({word})", "text", weight)


def _bounds(tokens: Tokens) -> Iterator[Edit]:
    """`x.length - 1` for `x.length`, and the other way round."""
    for index, (word, start) in enumerate(tokens):
        following = [text for text, _ in tokens[index + 1 : index + 3]]
        is_offset = len(following) == 2 and following[0] in "+-" and following[1] == "1"
        if word in ("length", "size"):
            after = start + len(word)
            if is_offset:
                yield Edit(after, tokens[index + 2][1] + 1, "", "bound", 0.8)
            else:
                yield Edit(after, after, " - 1", "bound", 0.6)
                yield Edit(after, after, " + 1", "bound", 0.3)
        elif is_offset and (NAME.match(word) or word in ")]"):
            yield Edit(start + len(word), tokens[index + 2][1] + 1, "", "bound", 0.6)


def _conditions(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """The condition of `if` or `while` negated, or without its first or its last part."""
    for match in _CONDITION.finditer(source.code, begin, end):
        close = closing(source.code, match.end() - 1)
        if close is None:
            continue
        inside = source.text[match.end() : close]
        yield Edit(match.end(), close, f"!({inside})", "negation", 0.8)
        for part in re.finditer(r"\s*(?:&&|\|\|)\s*", source.code[match.end() : close]):
            first, last = match.end() + part.start(), match.end() + part.end()
            yield Edit(match.end(), last, "", "condition", 0.4)
            yield Edit(first, close, "", "condition", 0.4)


def _guards(tokens: Tokens, weight: float) -> Iterator[Edit]:
    """`a?.b` for `a.b`."""
    for index, (word, start) in enumerate(tokens[1:], 1):
        before = tokens[index - 1][0]
        if word == "." and (before in ")]" or (NAME.match(before) and before != "this")):
            yield Edit(start, start + 1, "?.", "guard", weight)


def _statements(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """A statement of one line dropped, or what it comes to returned, or awaited."""
    code = source.code[begin:end]
    words = re.match(r"\s*([\w$]*)", code)
    first = words[1] if words else ""
    start = begin + len(code) - len(code.lstrip())
    is_whole = code.rstrip().endswith(";") and depth_of(code) == 0
    if is_whole and first not in ("const", "let", "var", "return", "import", "export"):
        yield Edit(start, begin + len(code.rstrip()), "", "statement", 0.3)
        if first not in ("throw", "break", "continue", "if", "for", "while", "else", "yield"):
            yield Edit(start, start, "return ", "return", 0.3)
    for match in re.finditer(r"(?:=|\breturn)\s+(?=[\w$.]+\()(?!await\b)", code):
        place = begin + match.end()
        yield Edit(place, place, "await ", "await", 0.15)
    for match in re.finditer(r"\bawait\s+", code):
        yield Edit(begin + match.start(), begin + match.end(), "", "await", 0.1)


FAMILY = TokenFamily(
    name="javascript",
    language=JAVASCRIPT,
    token=_TOKEN,
    alike=_ALIKE,
    keywords=_KEYWORDS,
    defining=frozenset(("const", "let", "var", "=>")),
    introducing=frozenset((".", "?.", "const", "let", "var", "function", "class")),
    named_by=frozenset((":", "=>")),
    further=_further,
    typed_ends=(".ts", ".tsx", ".cts", ".mts"),
)
