from __future__ import annotations

from agent.patches.changes import diff_text, unified_diff
from agent.patches.unified_diff import applicable

OLD, NEW = b"x = 1\n", b"x = 2\n"


def test_diffs_that_do_not_apply_exactly_are_left_out() -> None:
    fitting = diff_text(unified_diff({"a.py": (OLD, NEW)}))
    elsewhere = diff_text(unified_diff({"b.py": (OLD, NEW)}))
    diffs = (elsewhere, fitting, "no diff at all", "\ud800")
    assert applicable(diffs, {"a.py": OLD, "b.py": NEW}.get) == [{"a.py": (OLD, NEW)}]
