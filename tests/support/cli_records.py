"""Records and consoles for the tests of the command line."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from agent.records import (
    Baseline,
    BehaviourDifference,
    CandidatePatch,
    ChangedAnswer,
    Confidence,
    ExecutedSigns,
    PlausiblePatch,
    RepairResult,
    Status,
    SuspiciousLine,
    Verdict,
)
from sandbox.source import SourceEdit

DIFF = """\
diff --git a/src/money.py b/src/money.py
--- a/src/money.py
+++ b/src/money.py
@@ -1,3 +1,3 @@
 def share(left, position):
-    return position <= left
+    return position < left
 # end
"""


def terminal(width: int = 100, colour: bool = True) -> Console:
    """A console that believes it writes to a terminal."""
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=30,
        color_system="standard" if colour else None,
        no_color=not colour,
        markup=False,
        highlight=False,
        emoji=False,
        _environ={"TERM": "xterm"},
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


UNSURE = Confidence(
    value=0.45,
    calibrated=True,
    reasons=("- 3 other patches pass, of which 2 answer otherwise",),
    signs=ExecutedSigns(question="should `f(3)` be 0, as with this patch, or an error?"),
)


def plausible_result() -> RepairResult:
    """A repair whose patch passed, and too little says that it is right."""
    result = make_result(status=Status.PLAUSIBLE)
    assert result.patch is not None
    return replace(result, patch=replace(result.patch, confidence=UNSURE))


def with_answers(result: RepairResult, *answers: tuple[str, str, str]) -> RepairResult:
    """The same, whose patch answers these calls (call, before, after) otherwise than the base."""
    assert result.patch is not None
    told = tuple(ChangedAnswer(call=call, before=old, after=new) for call, old, new in answers)
    spread = BehaviourDifference(compared=16, changed=len(told), answers=told)
    verdict = replace(result.patch.verdict, spread=spread)
    return replace(result, patch=replace(result.patch, verdict=verdict))


def plausible_in_part() -> RepairResult:
    """One whose patch leaves a failing test red, and is not sure either."""
    red = Baseline(failing=("a",), passing=("b",), set_aside={"r": "no patch"}, still_red=("r",))
    return replace(plausible_result(), baseline=red)


def make_result(**changes: object) -> RepairResult:
    patch = PlausiblePatch(
        candidate=CandidatePatch(
            edits=(SourceEdit("src/money.py", 46, 48, "<"),),
            proposer="search",
            operator="comparison.boundary",
            description="`<=` → `<` in src/money.py:2",
        ),
        diff=DIFF,
        verdict=Verdict(
            plausible=True,
            fail_to_pass={"tests/test_money.py::test_split": "passed"},
            pass_to_pass={f"tests/test_money.py::test_{n}": "passed" for n in range(7)},
        ),
        cautions=("only one test speaks for it",),
    )
    values: dict[str, object] = {
        "run_id": "20261122-103000-3fa2",
        "status": Status.REPAIRED,
        "reason": "a patch passed the verdict",
        "patch": patch,
        "alternatives": (patch,),
        "baseline": Baseline(failing=("a",), passing=("b", "c")),
        "suspicious": (
            SuspiciousLine(path="src/money.py", line=2, score=0.9, ochiai=0.8, dstar=3.0),
        ),
        "candidates_tried": 1234,
        "seconds": {"prepare": 2.0, "propose": 3.5},
    }
    return RepairResult(**(values | changes))  # type: ignore[arg-type]
