"""What a patch does not need is dropped, while there is time for the verdicts."""

from __future__ import annotations

import time

from agent.patches.changes import edits_between
from agent.records import CandidatePatch
from agent.selection.minimization import MAX_MINIMIZATION_CHECKS, minimize

LINES = [f"a{number} = 0\n\n" for number in range(8)]
OLD = "".join(LINES).encode()
NEW = OLD.replace(b"= 0", b"= 1")
CANDIDATE = CandidatePatch(
    edits=tuple(edits_between("a.py", OLD, NEW)),
    proposer="search",
    operator="test",
    description="test",
)


def _lines(patch: CandidatePatch) -> set[int]:
    return {OLD[: edit.start].count(b"\n") // 2 for edit in patch.edits}


def test_what_is_needed_stays() -> None:
    smallest = minimize(CANDIDATE, lambda _: OLD, lambda patch: {2, 5} <= _lines(patch))
    assert _lines(smallest) == {2, 5}


def test_a_verdict_that_would_end_too_late_is_not_begun() -> None:
    sizes: list[int] = []

    def accepts(patch: CandidatePatch) -> bool:
        sizes.append(len(patch.edits))
        time.sleep(0.2)
        return True

    assert minimize(CANDIDATE, lambda _: OLD, accepts, max_seconds=0.3).edits != CANDIDATE.edits
    assert sizes == [4]
    assert len(minimize(CANDIDATE, lambda _: OLD, accepts, max_seconds=0).edits) == 8
    assert sizes == [4]


def test_the_number_of_verdicts_is_limited() -> None:
    checks = []

    def refuses(patch: CandidatePatch) -> bool:
        checks.append(patch)
        return False

    old = b"".join(b"a = 0\n\n" for _ in range(40))
    many = edits_between("a.py", old, old.replace(b"0", b"1"))
    candidate = CandidatePatch(
        edits=tuple(many), proposer="search", operator="test", description="test"
    )
    assert len(minimize(candidate, lambda _: old, refuses).edits) == 40
    assert len(checks) == MAX_MINIMIZATION_CHECKS
