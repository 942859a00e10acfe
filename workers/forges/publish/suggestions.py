"""A patch as suggestions on the lines of a pull request, where all of it fits there.

A suggestion replaces whole lines the pull request's own diff shows; GitHub takes no others.
https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from agent.patches.changes import FileChange
from workers.forges.api.markdown import clean

MAX_SUGGESTIONS = 20
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True)
class Suggestion:
    """Lines `first`..`last` (1-based) of a file, and what should stand there."""

    path: str
    first: int
    last: int
    text: str

    def comment(self) -> dict[str, Any]:
        longest = max((len(backticks) for backticks in re.findall("`+", self.text)), default=0)
        fence = "`" * max(3, longest + 1)
        body = f"{fence}suggestion\n{self.text}{fence}"
        position: dict[str, Any] = {"path": self.path, "line": self.last, "side": "RIGHT"}
        if self.first < self.last:
            position |= {"start_line": self.first, "start_side": "RIGHT"}
        return {**position, "body": body}


def suggestions(
    changes: Mapping[str, FileChange], diffs: Mapping[str, str]
) -> tuple[Suggestion, ...]:
    """The whole patch as suggestions; empty when a part of it does not fit.

    `diffs` is the pull request's diff by path.
    """
    result: list[Suggestion] = []
    for path, (old, new) in changes.items():
        if old is None or new is None or path not in diffs:
            return ()
        try:
            parts = _replacements(path, old.decode(), new.decode())
        except UnicodeDecodeError:
            return ()
        spans = _spans(diffs[path])
        if parts is None or not all(
            any(a <= suggestion.first and suggestion.last <= b for a, b in spans)
            for suggestion in parts
        ):
            return ()
        result += parts
    return tuple(result) if len(result) <= MAX_SUGGESTIONS else ()


def _replacements(path: str, old: str, new: str) -> list[Suggestion] | None:
    """The changed lines of a file as suggestions; None where a line would not arrive as it is
    meant: it has no end, or hidden characters."""
    old_lines, new_lines = _lines(old), _lines(new)
    replacements = []
    for tag, a, b, c, d in SequenceMatcher(
        None, old_lines, new_lines, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        if a == b:  # nothing is replaced: take the line before along, or the first one
            a, c = (a - 1, c - 1) if a else (a, c)
            b, d = (b, d) if a < b else (b + 1, d + 1)
        text = "".join(new_lines[c:d])
        if clean(text) != text or not all(line.endswith("\n") for line in new_lines[c:d]):
            return None
        replacements.append(Suggestion(path, a + 1, b, text))
    return replacements


def _lines(text: str) -> list[str]:
    return io.StringIO(text, newline="\n").readlines()


def _spans(diff: str) -> list[tuple[int, int]]:
    """Line ranges of the new file that a diff shows."""
    spans = []
    for match in _HUNK.finditer(diff):
        first_line, count = int(match[1]), int(match[2]) if match[2] is not None else 1
        spans.append((first_line, first_line + count - 1))
    return spans
