"""What is shown with a plausible patch, and how much it weighs."""

from __future__ import annotations

from agent.records import CandidatePatch, Verdict
from agent.selection.plausible_patch import appraise
from sandbox.source import SourceEdit


def test_what_was_not_built_is_shown_and_weighs_nothing() -> None:
    candidate = CandidatePatch(
        edits=(SourceEdit("calc.py", 0, 1, "y"),),
        proposer="search",
        operator="x",
        description="",
        score=1.0,
    )
    verdict = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={})
    changes = {"calc.py": (b"x = 1\n", b"y = 1\n")}
    gap = "declared and not built: the compiled module calc._fast (setuptools)"
    whole = appraise(candidate, verdict, changes, ())
    lacking = appraise(candidate, verdict, changes, (), (gap,))
    assert lacking.cautions == (*whole.cautions, gap)
    assert lacking.score == whole.score
