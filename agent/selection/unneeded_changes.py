"""Changes of a patch that no failing test needs: said, and kept.

A model may do what the problem stated asks for and no test shows, so none of its work is taken
away. Whoever reads the patch is told where to look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent.patches.changes import ReadBase
from agent.records import CandidatePatch
from agent.selection.minimization import runs_of
from sandbox.source import SourceEdit, decode_source_lossless

MAX_CHECKED_CHANGES = 8
"""A patch with more places is looked at no further: its reader sees them anyway."""
MAX_CHECK_SECONDS = 10.0
"""After which no further change is looked at."""
UNNEEDED = "no failing test needs the change at "
UNKNOWN = "not looked at: whether the failing tests need "


def unneeded_changes(
    candidate: CandidatePatch,
    read_base: ReadBase,
    still_passes: Callable[[CandidatePatch], bool],
    max_seconds: float = MAX_CHECK_SECONDS,
) -> Iterator[str]:
    """A sentence on each run of changed lines without which every failing test still passes, and
    one on those for which there was no time.

    `still_passes` runs the failing tests alone. A patch of one run of lines costs nothing.
    """
    runs = runs_of(candidate, read_base)
    if not 1 < len(runs) <= MAX_CHECKED_CHANGES:
        return
    deadline = time.monotonic() + max_seconds
    for place, run in enumerate(runs):
        if time.monotonic() >= deadline:
            part = f"{len(runs) - place} of {len(runs)} changes"
            yield f"{UNKNOWN}{part}; it would take too long"
            return
        edits = tuple(edit for edit in runs if edit is not run)
        if still_passes(replace(candidate, edits=edits)):
            yield f"{UNNEEDED}{_place(run, read_base)}; it was kept"


def _place(edit: SourceEdit, read_base: ReadBase) -> str:
    try:
        text = decode_source_lossless(read_base(edit.path) or b"").text
    except (FileNotFoundError, ValueError):
        return edit.path
    return f"{edit.path}:{text.count(chr(10), 0, edit.start) + 1}"
