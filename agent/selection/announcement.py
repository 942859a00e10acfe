"""How an end is announced: whole or in part, and the first words of a title, commit or comment."""

from __future__ import annotations

from agent.records import RepairResult, Status, Verification
from agent.selection.confidence import is_sure, likely

_REPAIRS = (Status.REPAIRED, Status.REPAIRED_IN_PART)


def is_in_part(result: RepairResult) -> bool:
    """Whether failing tests stay red with the patch, however sure it is."""
    return result.baseline is not None and bool(result.baseline.still_red)


def announcement(result: RepairResult, repair: str = "Repair") -> str:
    """`Repair`, `Repair in part`, `Plausible in part, 45 % sure` or `Not confirmed`.

    `repair`: the word for a patch that is likely to be right.
    """
    part = " in part" if is_in_part(result) else ""
    if result.status is Status.PLAUSIBLE:
        sure = result.patch.confidence if result.patch else None
        return f"Plausible{part}" + (f", {likely(sure)}" if sure else "")
    return f"{repair if result.status in _REPAIRS else 'Not confirmed'}{part}"


def verified_status(found: Verification, stored: RepairResult) -> Status:
    """How a verification ends: by what was found out here, and no better than the file claims. Who
    made the patch is the file's word, so that a model's has to be as sure as one of the search."""
    if not found.verdict.plausible:
        return Status.NOT_REPAIRED
    sure, claim = found.confidence, stored.patch.confidence if stored.patch else None
    is_claimed = stored.status in _REPAIRS or (claim is not None and is_sure(claim))
    if not is_claimed or stored.status is Status.PLAUSIBLE or sure is None or not is_sure(sure):
        return Status.PLAUSIBLE
    is_whole = not found.still_red and not is_in_part(stored)
    return Status.REPAIRED if is_whole else Status.REPAIRED_IN_PART
