"""A unified diff as the pages colour it."""

from __future__ import annotations

from agent.untrusted_text import printable_lines

DIFF_KINDS = (
    ("diff --git", "file"),
    ("---", "file"),
    ("+++", "file"),
    ("@@", "hunk"),
    ("+", "added"),
    ("-", "removed"),
)


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """The lines of a diff as (CSS class, text)."""
    lines = printable_lines(diff.removesuffix("\n").replace("\r\n", "\n"))
    return [(_diff_kind(line), line) for line in lines]


def _diff_kind(line: str) -> str:
    return next((kind for start, kind in DIFF_KINDS if line.startswith(start)), "same")
