"""Jobs as their users see them, read from the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from workers.jobs.view import JobView, view_of
from workers.records import Job, JobState
from workers.store.scheduling.eta import seconds_left, seconds_until_done
from workers.store.scheduling.presence import Presence
from workers.store.store import Store

MAX_RECENT_JOBS = 50
"""Ended jobs a guess is made from."""
WAITING_STATES = (JobState.QUEUED, JobState.WAITING)


class Overview:
    """Adds position and ETA to jobs. A place in the queue costs a query, so lists leave it out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._presence = Presence(store.engine)

    def job(self, job_id: str) -> JobView:
        """One job with its place in the queue and ETA. Raises JobNotFound."""
        return self.of(self._store.job(job_id))

    def jobs(
        self,
        *,
        states: Collection[JobState] | None = None,
        owner: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[JobView]:
        """Newest first, each with the ETA that its state allows."""
        jobs = self._store.jobs(states=states, owner=owner, limit=limit, before=before)
        has_running = any(job.state is JobState.RUNNING for job in jobs)
        durations = self._durations() if has_running else ()
        return [view_of(job, None, _running(job, durations)) for job in jobs]

    def of(self, job: Job) -> JobView:
        if job.state is JobState.RUNNING:
            return view_of(job, None, _running(job, self._durations()))
        if job.state not in WAITING_STATES:
            return view_of(job, None, None)
        position = self._store.position(job.id)
        workers = self._presence.here()
        places = sum(worker.slots for worker in workers if job.request.queue in worker.queues)
        eta = None
        if position is not None and job.state is JobState.QUEUED:
            eta = seconds_until_done(position, places, self._durations())
        return view_of(job, position, eta, places)

    def _durations(self) -> Sequence[float]:
        jobs = self._store.jobs(states=[JobState.ENDED], limit=MAX_RECENT_JOBS)
        return [
            (job.ended_at - job.started_at).total_seconds()
            for job in jobs
            if job.started_at is not None and job.ended_at is not None
        ]


def _running(job: Job, durations: Sequence[float]) -> float | None:
    if job.state is not JobState.RUNNING or job.started_at is None:
        return None
    seconds = (datetime.now(UTC) - job.started_at).total_seconds()
    return seconds_left(max(0.0, seconds), durations)
