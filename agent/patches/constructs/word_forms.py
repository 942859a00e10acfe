"""Forms that stand in a new text more often than in the old one, found by words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from sandbox.source import decode_source_lossless


def text_of(content: bytes | None) -> str:
    """A source as text, whatever its bytes are."""
    try:
        return decode_source_lossless(content or b"").text
    except ValueError:
        return (content or b"").decode("latin-1")


def additions(
    path: str, patterns: Mapping[str, re.Pattern[str]], before: str, after: str
) -> Iterator[str]:
    """One sentence for each pattern, effect → form, that the new text holds more often."""
    for effect, pattern in patterns.items():
        addition = more(pattern, before, after)
        if addition is not None:
            yield f"{path}: the patch {effect} (`{addition[:60]}`)"


def more(pattern: re.Pattern[str], before: str, after: str) -> str | None:
    """A form that stands in the new text more often than in the old one."""
    old_forms = Counter("".join(match[0].split()) for match in pattern.finditer(before))
    for match in pattern.finditer(after):
        form = "".join(match[0].split())
        if not old_forms[form]:
            return form
        old_forms[form] -= 1
    return None
