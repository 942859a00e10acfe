"""What every suite of tasks keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, AnswerSource, Grade, Task


@dataclass(frozen=True, kw_only=True)
class SuiteFacts:
    """What a suite is, for people."""

    name: str
    """As the command line calls it."""
    title: str
    source: str
    """Where the data is to be had."""
    published: str
    """YYYY-MM; a model trained later may have read the tasks with their solutions. Empty for data
    that has no date of its own."""
    graded_by: str
    """A clause: an answer is solved when …"""
    ways: frozenset[AnswerSource]
    groups: str = "tasks"
    """What the groups of tasks are."""


FAULT = "fault"
"""Key in a task's data: why it can be neither answered nor graded, where the data lacks something
of it."""


def faulty_task(task_id: str, group: str, why: str) -> Task:
    """One of which the data lacks something: the others go on."""
    return Task(task_id=task_id, group=group, prompt="", reference="", data={FAULT: why})


def whole_tasks(tasks: Sequence[Task]) -> Sequence[Task]:
    """The same. Raises DataUnreadable where the data lacks something of every one."""
    if all(FAULT in task.data for task in tasks):
        raise DataUnreadable(str(tasks[0].data[FAULT]))
    return tasks


class Suite(Protocol):
    """Tasks from the user's data, and the judgement of answers to them."""

    @property
    def facts(self) -> SuiteFacts: ...

    def tasks(self) -> Sequence[Task]:
        """All tasks, in the order of the data. Raises DataUnreadable."""

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:
        """Judge an answer. Raises SandboxError where it could not be judged."""


@dataclass(frozen=True, kw_only=True)
class RepairTarget:
    """A project that a repair is asked to mend."""

    folder: Path
    only: tuple[str, ...] = ()
    install: str | None = None
    test: str | None = None
    python: str | None = None
    problem_statement: str | None = None


@runtime_checkable
class RepairSuite(Suite, Protocol):
    """A suite whose tasks are projects as well."""

    def project(self, task: Task, folder: Path) -> RepairTarget:
        """Write the broken project into `folder`, which is empty. Raises EvaluationError."""


@runtime_checkable
class CorpusScored(Protocol):
    """A suite that scores all answers together, too."""

    def corpus_scores(self, pairs: Sequence[tuple[Task, str]]) -> dict[str, float]:
        """Name → score of these answers; a name with a leading `!` holds nothing but a reason."""
