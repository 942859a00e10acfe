"""Queues of the engine: prompts to be read, prompts whose answers can start, scorings."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

from agent.model.local.engine_requests import Generation, Prefill, Prompt, Scoring
from agent.model.local.generation.decoding import Row
from agent.model.local.generation.scoring import ScoringRun


class JobQueue:
    """Queues of prefills and scorings. Belongs to the engine's thread. An answer that waits is in
    exactly one `Prefill`."""

    def __init__(self) -> None:
        self.prefills: deque[Prefill] = deque()
        """Only the first is being read: the others hold no cache."""
        self.ready: deque[Prefill] = deque()
        self.scorings: deque[ScoringRun] = deque()
        self._tickets = itertools.count()

    def __len__(self) -> int:
        return len(self.prefills) + len(self.ready) + len(self.scorings)

    def add(self, job: Generation | Scoring) -> None:
        job.ticket = next(self._tickets)
        if isinstance(job, Scoring):
            self.scorings.append(ScoringRun(job))
        else:
            prompt = Prompt(ids=list(job.prompt))
            self.prefills.append(Prefill(generation=job, prompt=prompt, waiting=list(job.answers)))

    def again(self, rows: Sequence[Row]) -> None:
        """Put answers whose caches were lost first, to go on from the tokens they have."""
        for row in reversed(rows):
            prompt = Prompt(ids=[*row.held, row.newest])
            self.prefills.appendleft(
                Prefill(generation=row.job, prompt=prompt, waiting=[row.answer])
            )

    def oldest(self) -> int | None:
        """Ticket of the job that waits longest to be begun."""
        heads = [p.generation.ticket for p in itertools.islice(self.prefills, 1) if not p.begun]
        heads += [s.scoring.ticket for s in itertools.islice(self.scorings, 1) if not s.begun]
        return min(heads, default=None)

    def generations(self) -> list[Generation]:
        return [prefill.generation for prefill in (*self.prefills, *self.ready)]

    def remove(self, job: Prefill | ScoringRun) -> None:
        self.prefills = deque(prefill for prefill in self.prefills if prefill is not job)
        self.ready = deque(prefill for prefill in self.ready if prefill is not job)
        self.scorings = deque(prefill for prefill in self.scorings if prefill is not job)

    def forget(self, *, but: Prefill | ScoringRun | None) -> bool:
        """Let go of every cache except that of `but`; True where there was one.

        Prompts that were read are read again, and `but` is where it was.
        """
        jobs = [job for job in self._all() if job.begun and job is not but]
        for job in jobs:
            job.prompt.forget()
        unread = [prefill for prefill in self.ready if prefill is not but]
        self.ready = deque(prefill for prefill in self.ready if prefill is but)
        self.prefills.extendleft(reversed(unread))
        return bool(jobs)

    def unread(self, prefill: Prefill) -> None:
        """Have a prompt read again from its start, before all others."""
        self.remove(prefill)
        prefill.prompt.forget()
        self.prefills.appendleft(prefill)

    def drop_cancelled(self) -> list[Prefill | ScoringRun]:
        """Remove and return the cancelled jobs."""
        jobs = [job for job in self._all() if job.cancelled()]
        for job in jobs:
            self.remove(job)
        return jobs

    def clear(self) -> None:
        self.prefills.clear()
        self.ready.clear()
        self.scorings.clear()

    def _all(self) -> list[Prefill | ScoringRun]:
        return [*self.prefills, *self.ready, *self.scorings]
