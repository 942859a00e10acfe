"""Jobs of the evaluator that wait for a child: candidates, and questions about the base.

A question comes before every candidate, and no candidate starts while one has no answer.
Python 3.8+, standard library only.
"""

from __future__ import annotations

import collections
from typing import Any, Deque, Dict, Optional

Job = Dict[str, Any]


class Backlog:
    """The jobs of the evaluating process that are still to be run, in order."""

    def __init__(self) -> None:
        self._candidates: Deque[Job] = collections.deque()
        self._questions: Deque[Job] = collections.deque()
        self._open = 0
        """Questions without an answer, those that run included."""

    def add(self, candidate: Job) -> None:
        self._candidates.append(candidate)

    def ask(self, question: Job) -> None:
        self._open += 1
        self._questions.appendleft(question)

    def answered(self) -> None:
        """Note that one run of the base is done, with or without a result."""
        self._open -= 1

    @property
    def waiting(self) -> int:
        """How many candidates are still to be run."""
        return len(self._candidates)

    def put_back(self, job: Job) -> None:
        """A job that was taken has to run again: it is the next of its kind."""
        (self._questions if job.get("probe") else self._candidates).appendleft(job)

    def first(self) -> Optional[Job]:
        """The job that may start now."""
        if self._questions:
            return self._questions[0]
        return self._candidates[0] if self._candidates and not self._open else None

    def take(self) -> Job:
        """Remove and return the job that `first` names."""
        return (self._questions or self._candidates).popleft()

    def forget_candidates(self) -> None:
        """What is asked of the base is for all candidates, later ones too, and stays."""
        self._candidates.clear()
