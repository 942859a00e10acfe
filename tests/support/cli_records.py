"""Records and consoles for the tests of the command line."""

from __future__ import annotations

import io

from rich.console import Console

from agent.records import (
    Baseline,
    CandidatePatch,
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
