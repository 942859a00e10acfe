"""Parts of a source file as numbered code, with marks and values beside the lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

MAX_WHOLE_LINES = 70
"""A longer part is shown around what is marked."""
MARGIN_LINES = 6
HEADER_LINES = 4
MAX_LINE_CHARACTERS = 240
GAP = "       …"


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """Lines of one file, numbered as there."""

    lines: Mapping[int, str]
    marked: Collection[int] = ()
    notes: Mapping[int, str] = field(default_factory=dict)
    """Line → what is known of it, written behind it."""

    @property
    def text(self) -> str:
        text_lines, before = list[str](), 0
        for number in sorted(self.lines):
            if before and number > before + 1:
                text_lines.append(GAP)
            text_lines.append(self._line(number))
            before = number
        return "\n".join(text_lines)

    def _line(self, number: int) -> str:
        mark = ">" if number in self.marked else " "
        code = self.lines[number].rstrip()[:MAX_LINE_CHARACTERS]
        note = self.notes.get(number, "")
        return f"{mark}{number:6d}  {code}{f'   # {note}' if note else ''}"


def part(lines: list[str], first: int, last: int, around: Collection[int]) -> dict[int, str]:
    """Line number → text of lines `first` to `last` (from 1), or of their head and what lies
    around some of them where that is long."""
    whole = range(max(first, 1), min(last, len(lines)) + 1)
    if len(whole) <= MAX_WHOLE_LINES:
        numbers: Iterable[int] = whole
    else:
        near = [n + d for n in around for d in range(-MARGIN_LINES, MARGIN_LINES + 1)]
        head = range(whole.start, whole.start + HEADER_LINES)
        numbers = [number for number in (*head, *sorted(set(near))) if number in whole]
        numbers = numbers[:MAX_WHOLE_LINES]
    return {number: lines[number - 1] for number in numbers}
