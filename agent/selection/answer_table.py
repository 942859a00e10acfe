"""What the changed functions answered before and after, as a small table: for the terminal, the
page and GitHub alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from agent.records import Verdict
from agent.untrusted_text import shortened

HEADINGS = ("call", "before", "after")
Row = tuple[str, str, str]
MAX_ROWS = 10
"""More are in no result of ours; a result file may come from anybody."""
MAX_CELL_CHARACTERS = 100
MIN_CELL_COLUMNS = 8
"""Of a cell that is cut, however narrow the terminal."""
GAP = "  "


def answer_rows(verdict: Verdict, shown: Callable[[str], str] = str) -> list[Row]:
    """A row for each generated call whose answers differ visibly; empty where none does.

    Each cell is one printable line. `shown` makes of it what the reader's medium can show, before
    it is cut.
    """
    answers = verdict.spread.answers if verdict.spread else ()
    return [
        (_cell(answer.call, shown), _cell(answer.before, shown), _cell(answer.after, shown))
        for answer in answers[:MAX_ROWS]
    ]


def answer_lines(verdict: Verdict, width: int, shown: Callable[[str], str] = str) -> list[str]:
    """The same rows below their headings, aligned in `width` columns: what is too long loses its
    middle, the longest column first."""
    rows = answer_rows(verdict, shown)
    if not rows:
        return []
    table = [HEADINGS, *rows]
    widths = _fitting_widths(table, width - len(GAP) * (len(HEADINGS) - 1))
    return [
        GAP.join(_fitted(*cell, shown) for cell in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _cell(text: str, shown: Callable[[str], str]) -> str:
    return shown(shortened(shown(text), MAX_CELL_CHARACTERS))


def _fitting_widths(table: Sequence[Row], room: int) -> list[int]:
    """Columns for each part of a row: what it needs, until all of them together have no room."""
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    while sum(widths) > room and max(widths) > MIN_CELL_COLUMNS:
        widths[widths.index(max(widths))] -= 1
    return widths


def _fitted(text: str, width: int, shown: Callable[[str], str]) -> str:
    """`text` in exactly `width` columns."""
    cell, length = text, width
    while cell_len(cell) > width:  # a character may take two columns, or be shown as several
        cell = shown(shortened(text, length))
        length -= 1
    return cell + " " * (width - cell_len(cell))
