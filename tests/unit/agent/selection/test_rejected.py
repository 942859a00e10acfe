"""The best of the rejected candidates."""

from __future__ import annotations

from dataclasses import replace

from agent.patches.doctest_examples import contradictions
from agent.records import CandidatePatch, RejectedPatch, Verdict
from agent.selection.rejected import nearer, rejected_patch


def verdict(repaired: int, broken: int) -> Verdict:
    return Verdict(
        plausible=False,
        fail_to_pass={f"f{n}": "passed" if n < repaired else "failed" for n in range(3)},
        pass_to_pass={f"p{n}": "failed" if n < broken else "passed" for n in range(3)},
        objections=("no",),
    )


def rejected(repaired: int, broken: int) -> RejectedPatch:
    candidate = CandidatePatch(edits=(), proposer="model", operator="x", description="an edit")
    changes = {"a.py": (b"a = 1\n", b"a = 2\n")}
    return rejected_patch(candidate, verdict(repaired, broken), changes)


def test_more_repaired_then_less_broken_is_nearer() -> None:
    best = rejected(2, 1)
    assert (best.repaired, best.broken) == (2, 1)
    assert "-a = 1\n+a = 2\n" in best.diff
    assert nearer(None, verdict(0, 3))
    assert nearer(best, verdict(3, 3))
    assert nearer(best, verdict(2, 0))
    assert not nearer(best, verdict(2, 1))
    assert not nearer(best, verdict(1, 0))


def test_a_patch_that_an_example_alone_speaks_against_is_kept() -> None:
    contradiction = replace(verdict(3, 1), objections=contradictions(["calc.py:3"]))
    assert nearer(rejected(3, 0), contradiction)
    best = replace(rejected(3, 1), objections=contradiction.objections)
    assert not nearer(best, verdict(3, 0))
