"""What a text says should come out: a literal after words such as `should return`."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.syntax import literal

_EXPECTED = (
    r"(?:expect(?:ed|s|ing)?(?:\s+(?:output|result|value|answer|behaviou?r|to\s+(?:be|get|see|have)))?"
    r"|should(?:\s+(?:have\s+been|be|return|give|yield|print|equal|produce|output|raise|throw))"
    r"|instead\s+of|rather\s+than|must\s+(?:be|return|give|raise|throw)"
    r"|correct\s+(?:output|result|value|answer)(?:\s+(?:is|would\s+be))?)"
)
_AFTER = re.compile(
    _EXPECTED
    + r"(?:\s+(?:is|it|was|to|the|an?))*\s*[:=]?\s*(?:`(?P<quoted>[^`\n]+)`|(?=(?P<rest>[^\n]+)))",
    re.IGNORECASE,
)
_LABEL = re.compile(_EXPECTED + r"|\bdesired\b|\bcorrect\b|\bwant(?:ed)?\b", re.IGNORECASE)
_ACTUAL = re.compile(
    r"\b(?:actual(?:ly)?|got|get|gives?|returns?|prints?|observed|current(?:ly)?|wrong(?:ly)?"
    r"|incorrect(?:ly)?|bug|reproduc\w*)\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"#\s*(?:=+>|->|(?=.*(?:expect|should|must)))\s*(?P<said>.+)$", re.IGNORECASE)
_CUTS = re.compile(r"\s*(?:,|;|\.(?=\s|$)|\(|\bbut\b|\bgot\b|\binstead\b|\band\b|\bnot\b)")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Exit|Interrupt)")


def is_literal(text: str) -> bool:
    """Whether a text is a literal of Python."""
    try:
        literal(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True


IsLiteral = Callable[[str], bool]


def stated_value(text: str, is_value: IsLiteral = is_literal) -> str | None:
    """The one value or exception that `text` says should come out; None when it says none, or
    more than one. `is_value` knows the literals of the language."""
    values: dict[str, None] = {}
    for match in _AFTER.finditer(text):
        quoted_text = match.group("quoted")
        value = quoted_text.strip() if quoted_text else _literal_at(match.group("rest"), is_value)
        if value and (quoted_text is None or is_value(value) or exception_name(value)):
            values[value] = None
    return next(iter(values)) if len(values) == 1 else None


def commented_value(line: str) -> str | None:
    """What a comment at the end of a line of code says it should give."""
    match = _COMMENT.search(line)
    if match is None:
        return None
    comment = match.group("said").strip()
    return stated_value(comment) or _literal_at(comment)


def labelled_expected(preceding_text: str) -> bool | None:
    """Whether the words before a block call it expected (True) or actual (False)."""
    expected_label, actual_label = _LABEL.search(preceding_text), _ACTUAL.search(preceding_text)
    if (expected_label is None) == (actual_label is None):
        return None
    return expected_label is not None


def exception_name(text: str) -> str | None:
    """The exception that the whole text names, e.g. `ValueError` or `ValueError: bad`."""
    match = _EXCEPTION.match(text)
    is_whole_text = match is not None and text[match.end() :].strip()[:1] in ("", ":", "(")
    return match.group(0) if match is not None and is_whole_text else None


def _literal_at(value_text: str, is_value: IsLiteral = is_literal) -> str | None:
    """The longest literal, or the exception, that `value_text` begins with."""
    value_text = value_text.strip()
    name = _EXCEPTION.match(value_text.removeprefix("a ").removeprefix("an "))
    if name is not None:
        return name.group(0)
    ends = [
        len(value_text),
        *sorted((cut.start() for cut in _CUTS.finditer(value_text)), reverse=True),
    ]
    for end in ends:
        text = value_text[:end].rstrip(" .,;:!`").strip()
        if text and is_value(text):
            return text
    return None
