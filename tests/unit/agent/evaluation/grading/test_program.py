"""How a program with its tests is said to have ended."""

from __future__ import annotations

import pytest

from agent.evaluation.grading.program import ProgramEnding
from agent.evaluation.records import GradeKind
from sandbox.base import CommandResult

THROWN = """\
/workspace/answer_and_tests.js:5
  if (!holds) throw new Error(["assertion failed", ...words].join(" "));
              ^

Error: assertion failed
    at console.assert (/workspace/answer_and_tests.js:5:21)
    at Module._compile (node:internal/modules/cjs/loader:1554:14)

Node.js v20.20.2
"""


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        (THROWN, "Error: assertion failed"),
        ("Traceback:\n  File x\nAssertionError\n", "AssertionError"),
        ("Node.js v20.20.2\n", "it ended before its tests did, with exit code 1"),
        (" \n", "it ended before its tests did, with exit code 1"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_a_failure_is_told_by_the_line_that_says_why(stderr: str, why: str) -> None:
    command = CommandResult(exit_code=1, stdout="", stderr=stderr, seconds=0.5)
    grade = ProgramEnding(command=command, passed=False).grade()
    assert (grade.kind, grade.why) == (GradeKind.FAILED, why)
