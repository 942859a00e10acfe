"""How far an evaluation is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.evaluation.log import LogContents
from agent.evaluation.records import Answer, Grade, GradeKind


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts of one moment."""

    tasks: int
    """That are to be answered, all in all."""
    answers: int
    """That are to be graded, all in all."""
    answered: int = 0
    """Tasks that have their answers."""
    failed: int = 0
    """Tasks that could not be answered."""
    graded: int = 0
    """Answers."""
    solved: int = 0
    """Answers."""
    tokens: int = 0
    """Generated."""
    begun_with: int = 0
    """Answers that were graded before this process began."""
    seconds: float = 0.0
    """Since this process began."""

    @property
    def left(self) -> int:
        return max(0, self.answers - self.graded)

    @property
    def seconds_left(self) -> float | None:
        """At the pace of this process; None before it has one."""
        count = self.graded - self.begun_with
        return self.seconds / count * self.left if count > 0 else None


Listener = Callable[[Tally], None]


class Counter:
    """Keeps the tally of a running evaluation. Safe to use from several threads."""

    def __init__(self, recorded: LogContents, tasks: int, samples: int, listen: Listener) -> None:
        answers = [answer for group in recorded.answers.values() for answer in group]
        grades = recorded.grades.values()
        self._tally = Tally(
            tasks=tasks,
            answers=tasks * samples,
            answered=len(recorded.answers),
            graded=len(grades),
            solved=sum(grade.solved for grade in grades),
            tokens=sum(answer.completion_tokens for answer in answers),
            begun_with=len(grades),
        )
        self._listen = listen
        self._began = time.monotonic()
        self._guard = threading.Lock()

    def answered(self, answers: list[Answer]) -> None:
        self._change(answered=1, tokens=sum(answer.completion_tokens for answer in answers))

    def failed(self) -> None:
        self._change(failed=1)

    def graded(self, grade: Grade, earlier: Grade | None) -> None:
        """A grade that replaces an `earlier` one counts once."""
        new = earlier is None
        change = int(grade.kind is GradeKind.SOLVED) - int(earlier is not None and earlier.solved)
        self._change(graded=int(new), solved=change)

    @property
    def tally(self) -> Tally:
        return self._tally

    def _change(self, **by: int) -> None:
        with self._guard:
            values = {name: getattr(self._tally, name) + number for name, number in by.items()}
            seconds = time.monotonic() - self._began
            self._tally = replace(self._tally, seconds=seconds, **values)
            self._listen(self._tally)
