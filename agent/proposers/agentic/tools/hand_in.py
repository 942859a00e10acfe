"""`submit` and `give_up`: how the model ends its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.model.base import Tool
from agent.proposers.agentic.tools.run_tests import (
    TestBench,
    failures_told,
    names_told,
    run,
    still_failing,
)
from agent.proposers.agentic.tools.working_copy import WorkingTree

MAX_REASON_CHARACTERS = 600
DOUBT_SECONDS = 120.0
"""Longest run of the failing tests before a patch is handed in."""

SUBMIT = Tool(
    name="submit",
    description=(
        "Hand your change in. The failing tests run first in your working copy: while one of them "
        "fails you are told, and a second `submit` of the same files hands it in all the same. "
        "Then it is judged in a fresh copy, by all tests; when it is rejected you are told why."
    ),
    parameters={"type": "object", "properties": {}, "required": []},
)
GIVE_UP = Tool(
    name="give_up",
    description=(
        "End without a patch, when the failure cannot be repaired in the project's source. The "
        "reason is what people read. Changes that your working copy still holds are judged once."
    ),
    parameters={
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "Why, in one or two sentences."}
        },
        "required": ["reason"],
    },
)


def doubt(tree: WorkingTree, bench: TestBench, seconds_left: float) -> str:
    """Run what the patch has to make pass, and say what still fails; empty where nothing does."""
    test_ids = (*bench.failing, *bench.ids_in(tree)) if bench.failing else ()
    if not test_ids:
        return ""
    report = run(tree, bench, test_ids, min(seconds_left, DOUBT_SECONDS))
    failing_tests = still_failing(report, test_ids)
    if not failing_tests or not report.finished:
        return ""
    head = f"Not submitted: {len(failing_tests)} of {len(test_ids)} failing tests do not pass yet."
    details = list(failures_told(report, tree)) or [names_told("Not seen to pass:", failing_tests)]
    end = (
        "Change the source and submit again. If no patch can make these pass, call `submit` once "
        "more as it is: what you have is judged then."
    )
    return "\n\n".join((head, *details, end))


def left_out_told(dropped: Sequence[str]) -> str:
    """What does not count of a working copy, and why."""
    if not dropped:
        return ""
    return "Left out of your patch:" + "".join(f"\n- {sentence}" for sentence in dropped)


def given_reason(arguments: Mapping[str, object]) -> str:
    """The reason of `give_up` in one line; empty where none is given."""
    return " ".join(str(arguments.get("reason") or "").split())[:MAX_REASON_CHARACTERS]
