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

FILLED = """\
node:fs:1030
Error: ENOSPC: no space left on device, write
    at Object.writeFileSync (node:fs:2368:26) {
  errno: -28,
  code: 'ENOSPC'
}

Node.js v20.20.2
"""
GROWN = "FATAL ERROR: Reached heap limit Allocation failed\n 1: 0xb7 [node]\n 2: 0xb8 [node]\n"


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        (THROWN, "Error: assertion failed"),
        ("Traceback:\n  File x\nAssertionError\n", "AssertionError"),
        (FILLED, "Error: ENOSPC: no space left on device, write"),
        (GROWN, "FATAL ERROR: Reached heap limit Allocation failed"),
        ("Error: printed\nAssertionError: no\n", "AssertionError: no"),
        (" \n", "it ended before its tests did, with exit code 1"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_a_failure_is_told_by_the_line_that_says_why(stderr: str, why: str) -> None:
    command = CommandResult(exit_code=1, stdout="", stderr=stderr, seconds=0.5)
    grade = ProgramEnding(command=command, passed=False).grade()
    assert (grade.kind, grade.why) == (GradeKind.FAILED, why)


@pytest.mark.parametrize("stderr", [FILLED, "OSError: [Errno 28] No space left on device\n"])
def test_a_full_disk_asks_for_another_sandbox(stderr: str) -> None:
    command = CommandResult(exit_code=1, stdout="", stderr=stderr, seconds=0.5)
    assert ProgramEnding(command=command, passed=False).left_a_mess
    assert not ProgramEnding(command=command, passed=True).left_a_mess
