"""Drop what a patch that passed does not need; the verdict is taken again on what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agent.patches.changes import ReadBase, edited_files, edits_between
from agent.records import CandidatePatch
from sandbox.source import SourceEdit

MAX_MINIMIZATION_CHECKS = 24
"""Verdicts one minimisation may take; what is not tried by then stays in."""


def minimize(
    candidate: CandidatePatch,
    read_base: ReadBase,
    accepts: Callable[[CandidatePatch], bool],
    max_checks: int = MAX_MINIMIZATION_CHECKS,
) -> CandidatePatch:
    """Return the candidate without the edits it does not need.

    `accepts` takes the verdict on a smaller patch. The edits are split into runs of changed
    lines first, so that a whole rewritten function can shrink. A candidate of one run comes
    back as it is, at no cost.
    """
    edits = runs_of(candidate, read_base)
    if len(edits) < 2:
        return candidate
    checks = 0
    size = max(1, len(edits) // 2)
    while size >= 1 and checks < max_checks:
        start = 0
        while start < len(edits) and checks < max_checks:
            smaller = edits[:start] + edits[start + size :]
            if smaller:
                checks += 1
                if accepts(replace(candidate, edits=tuple(smaller))):
                    edits = smaller
                    continue
            start += size
        size //= 2
    return replace(candidate, edits=tuple(edits))


def runs_of(candidate: CandidatePatch, read_base: ReadBase) -> list[SourceEdit]:
    """One edit for each run of changed lines; as they came where a file is new."""
    runs: list[SourceEdit] = []
    for path, (old, new) in edited_files(candidate.edits, read_base).items():
        if old is None or new is None:
            runs += [edit for edit in candidate.edits if edit.path == path]
        else:
            runs += edits_between(path, old, new)
    return runs
