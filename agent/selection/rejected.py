"""The best candidate that the verdict rejected: what to show where none passed."""

from __future__ import annotations

from collections.abc import Mapping

from agent.patches.changes import FileChange, diff_text, unified_diff
from agent.patches.doctest_examples import contradiction_in
from agent.records import CandidatePatch, RejectedPatch, Verdict

MAX_DIFF_CHARACTERS = 100_000


def nearer(best: RejectedPatch | None, verdict: Verdict) -> bool:
    """Whether a rejected candidate came nearer than the best so far: more of the failing tests
    pass, then less of the others broke. One that an example alone speaks against, which may
    contradict the failing tests, is kept: people decide on it."""
    if best is not None and contradiction_in(best.objections):
        return False
    if contradiction_in(verdict.objections):
        return True
    return best is None or _nearness(verdict) > (best.repaired, -best.broken)


def rejected_patch(
    candidate: CandidatePatch, verdict: Verdict, changes: Mapping[str, FileChange]
) -> RejectedPatch:
    repairs, balance = _nearness(verdict)
    return RejectedPatch(
        description=candidate.description,
        proposer=candidate.proposer,
        diff=diff_text(unified_diff(changes))[:MAX_DIFF_CHARACTERS],
        objections=verdict.objections,
        repaired=repairs,
        broken=-balance,
    )


def _nearness(verdict: Verdict) -> tuple[int, int]:
    """Failing tests that pass, and minus the number of others that do not."""
    ends = verdict.fail_to_pass.values(), verdict.pass_to_pass.values()
    repairs, passes = (sum(end in ("passed", "xpassed") for end in group) for group in ends)
    return repairs, passes - len(verdict.pass_to_pass)
