"""A job's events as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from workers.records import LIVE_STATES, Job, JobEvent
from workers.store.store import Store

POLL_SECONDS = 0.5
MAX_BATCH_EVENTS = 500


@dataclass(frozen=True, kw_only=True)
class Step:
    """A job and its new events at one moment."""

    job: Job
    events: list[JobEvent]

    @property
    def last(self) -> bool:
        """The job has ended, and these are its last events."""
        return self.job.state not in LIVE_STATES and not self.more

    @property
    def more(self) -> bool:
        """Whether more events can be read at once."""
        return len(self.events) == MAX_BATCH_EVENTS


def look(store: Store, job_id: str, after: int) -> Step:
    """The job and its events after a number. Raises JobNotFound."""
    # The job first: an event that comes between the two is in this step or in the next.
    return Step(job=store.job(job_id), events=store.events(job_id, after, MAX_BATCH_EVENTS))


def follow(store: Store, job_id: str, after: int = 0, *, wait: bool = True) -> Iterator[JobEvent]:
    """The events after a number; with `wait` until the job has ended."""
    while True:
        step = look(store, job_id, after)
        yield from step.events
        after = step.events[-1].seq if step.events else after
        if step.last or not (wait or step.more):
            return
        if not step.more:
            time.sleep(POLL_SECONDS)
