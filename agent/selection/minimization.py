"""Drop what a patch that passed does not need; the verdict is taken again on what is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agent.patches.changes import ReadBase, edited_files, edits_between
from agent.records import CandidatePatch
from sandbox.source import SourceEdit

MAX_MINIMIZATION_CHECKS = 24
"""Verdicts one minimisation may take; what is not tried by then stays in."""


@dataclass
class _CheckBudget:
    """How many more verdicts may be taken, and for how long."""

    max_seconds: float
    checks_left: int = MAX_MINIMIZATION_CHECKS
    _longest_seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    @property
    def allows_another(self) -> bool:
        spent_seconds = time.monotonic() - self._began
        return self.checks_left > 0 and spent_seconds + self._longest_seconds < self.max_seconds

    def run(self, accepts: Callable[[CandidatePatch], bool], patch: CandidatePatch) -> bool:
        began = time.monotonic()
        outcome = accepts(patch)
        self.checks_left -= 1
        self._longest_seconds = max(self._longest_seconds, time.monotonic() - began)
        return outcome


def minimize(
    candidate: CandidatePatch,
    read_base: ReadBase,
    accepts: Callable[[CandidatePatch], bool],
    max_seconds: float = math.inf,
) -> CandidatePatch:
    """Return the candidate without the edits it does not need.

    `accepts` takes the verdict on a smaller patch. The edits are split into runs of changed
    lines first, so that a whole rewritten function can shrink. A candidate of one run comes
    back as it is, at no cost. No verdict is begun that would, as long as the longest before it,
    end after `max_seconds`; what is not tried by then stays in.
    """
    edits = runs_of(candidate, read_base)
    if len(edits) < 2:
        return candidate
    budget = _CheckBudget(max_seconds)
    size = max(1, len(edits) // 2)
    while size >= 1 and budget.allows_another:
        start = 0
        while start < len(edits) and budget.allows_another:
            smaller = edits[:start] + edits[start + size :]
            patch = replace(candidate, edits=tuple(smaller))
            if smaller and budget.run(accepts, patch):
                edits = smaller
            else:
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
