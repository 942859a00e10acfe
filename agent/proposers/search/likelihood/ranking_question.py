"""Question to a model about the edits of one line: how likely is the code each makes?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from agent.model.base import Message
from agent.prompts import prompt
from agent.records import CandidatePatch, SuspiciousLine
from sandbox.source import SourceEdit, apply_edits

CONTEXT_LINES = 30
"""Lines of code before and after the place."""
REGION_MARGIN_LINES = 6
"""An edit further from its line than this is left to the search's own ranking."""
MAX_FAILURE_CHARACTERS = 6_000


@dataclass(frozen=True, kw_only=True)
class Question:
    """One shared prefix, and what may follow it."""

    messages: tuple[Message, ...]
    candidates: tuple[CandidatePatch, ...]
    continuations: tuple[str, ...]
    """What each candidate makes of the same few lines."""


def question(
    line: SuspiciousLine, candidates: Sequence[CandidatePatch], text: str, failures: str
) -> Question | None:
    """Ask about the edits of `line` in the file with this `text`. None when none can be asked.

    All continuations cover the same lines of the file, so that their lengths hardly differ and
    the sums of their log-probabilities can be compared.
    """
    starts = _line_starts(text)
    nearby = [candidate for candidate in candidates if _is_near(candidate, line, starts)]
    if not nearby:
        return None
    spans = [(e.start, e.end) for candidate in nearby for e in candidate.edits]
    first = min(_line_of(start, starts) for start, _ in spans)
    last = max(_line_of(max(start, end - 1), starts) for start, end in spans)
    begin, end = starts[first], starts[last + 1] if last + 1 < len(starts) else len(text)
    lines = text.split("\n")
    text_asked = prompt(
        "rank",
        failures=failures[:MAX_FAILURE_CHARACTERS],
        path=line.path,
        first=first + 1,
        last=last + 1,
        before="\n".join(lines[max(0, first - CONTEXT_LINES) : first]),
        wrong=text[begin:end].rstrip("\n"),
        after="\n".join(lines[last + 1 : last + 1 + CONTEXT_LINES]),
    )
    return Question(
        messages=(Message(role="user", content=text_asked.encode("utf-8", "replace").decode()),),
        candidates=tuple(nearby),
        continuations=tuple(
            _edited_lines(text, candidate.edits, begin, end) for candidate in nearby
        ),
    )


def _is_near(candidate: CandidatePatch, line: SuspiciousLine, starts: Sequence[int]) -> bool:
    return all(
        edit.path == line.path
        and abs(_line_of(edit.start, starts) + 1 - line.line) <= REGION_MARGIN_LINES
        and abs(_line_of(edit.end, starts) + 1 - line.line) <= REGION_MARGIN_LINES
        for edit in candidate.edits
    )


def _edited_lines(text: str, edits: Sequence[SourceEdit], begin: int, end: int) -> str:
    """What the lines between two offsets are once the edits are made."""
    new_text = apply_edits(text, edits)
    excerpt = new_text[begin : end + len(new_text) - len(text)]
    return excerpt.encode("utf-8", "replace").decode().rstrip("\n") + "\n"


def _line_starts(text: str) -> list[int]:
    starts, position = [0], 0
    for line in text.split("\n")[:-1]:
        position += len(line) + 1
        starts.append(position)
    return starts


def _line_of(offset: int, starts: Sequence[int]) -> int:
    """Number of the line (from 0) that holds a character."""
    return bisect_right(starts, offset) - 1
