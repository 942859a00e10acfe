"""Literals of JavaScript: values that a text states."""

from __future__ import annotations

import re

MAX_CHARACTERS = 2_000
MAX_DEPTH = 20
_BLANK = re.compile(r"\s*")
_PLAIN = re.compile(
    r"-?(?:0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+|\d[\d_]*n|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"(?![\w.])"
    r"|-?Infinity\b|NaN\b|true\b|false\b|null\b|undefined\b"
    r"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.)*`"
)
_KEY = re.compile(r"(?:[A-Za-z_$][\w$]*|\d+|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')\s*:")
_PRIMITIVE_START = re.compile(r"[\[{]")


def is_literal(text: str) -> bool:
    """Whether the whole text is one literal: a number, a string, `null`, or a list or an object of
    such."""
    return len(text) <= MAX_CHARACTERS and _end(text.strip(), 0, 0) == len(text.strip()) > 0


def is_primitive(text: str) -> bool:
    """Whether a literal is no list and no object."""
    return is_literal(text) and not _PRIMITIVE_START.match(text.strip())


def _end(text: str, start: int, depth: int) -> int:
    """Where the literal that begins at `start` ends; -1 where none does."""
    position = _after_blank(text, start)
    closing = {"[": "]", "{": "}"}.get(text[position : position + 1])
    if closing is None:
        match = _PLAIN.match(text, position)
        return match.end() if match else -1
    if depth >= MAX_DEPTH:
        return -1
    position = _after_blank(text, position + 1)
    while text[position : position + 1] != closing:
        if closing == "}":
            key = _KEY.match(text, position)
            if key is None:
                return -1
            position = key.end()
        position = _after_blank(text, _end(text, position, depth + 1)) if position >= 0 else -1
        following = text[position : position + 1] if position > 0 else ""
        if following == ",":
            position = _after_blank(text, position + 1)
        elif following != closing:
            return -1
    return position + 1


def _after_blank(text: str, start: int) -> int:
    match = _BLANK.match(text, start) if start >= 0 else None
    return match.end() if match else -1
