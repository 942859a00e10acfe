"""Who answers the tasks of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agent.evaluation.records import Answer, Task


class NotAnswered(Exception):
    """A task could not be answered for no fault of whoever answers; the message says why."""


class Solver(Protocol):
    """Answers tasks, several at once from several threads."""

    def solve(self, task: Task) -> Sequence[Answer]:
        """All answers to one task. Raises NotAnswered (tried again by a resume), Interrupted (it
        was stopped), and ModelError or SandboxError where no other task would fare better."""

    def close(self) -> None: ...
