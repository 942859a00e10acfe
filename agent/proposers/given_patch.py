"""The patch that a job brings along, as a candidate against this base."""

from __future__ import annotations

from agent.patches.changes import ReadBase, diff_bytes, edits_between
from agent.patches.unified_diff import PatchRefused, apply_diff
from agent.records import CandidatePatch


def first_try(diff: str, read_base: ReadBase) -> CandidatePatch | None:
    """The given diff as a candidate; None where it does not apply exactly, or does more than edit
    and add files."""
    try:
        changes = apply_diff(diff_bytes(diff), read_base)
        edits = tuple(
            edit
            for path, (old, new) in changes.items()
            if new is not None
            for edit in edits_between(path, old or b"", new)
        )
    except (PatchRefused, ValueError):
        return None
    if not edits or any(new is None for _, new in changes.values()):
        return None
    return CandidatePatch(
        edits=edits,
        proposer="first_try",
        operator="first_try",
        description=f"the patch made earlier, in {', '.join(sorted(changes))}",
    )
