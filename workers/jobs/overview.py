"""Jobs as their users see them, read from the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from workers.jobs.past_runs import STEPS, PastRuns
from workers.jobs.view import JobView, view_of
from workers.records import Job, JobFilter, JobState
from workers.store.scheduling.eta import TimeLeft, seconds_left, seconds_until_done
from workers.store.scheduling.presence import Presence
from workers.store.store import Store

WAITING_STATES = (JobState.QUEUED, JobState.WAITING)


class Overview:
    """Adds position and ETA to jobs. A place in the queue costs a query, so lists leave it out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._presence = Presence(store.engine)
        self._past = PastRuns(store)

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
        return self.jobs_of(JobFilter(states=states, owner=owner), limit, before)

    def jobs_of(self, job_filter: JobFilter, limit: int, before: str | None) -> list[JobView]:
        """The jobs that a filter leaves, as `jobs` has them."""
        jobs = self._store.jobs_of(job_filter, limit, before)
        return [view_of(job, None, self._until_end(job)) for job in jobs]

    def of(self, job: Job) -> JobView:
        if job.state not in WAITING_STATES:
            return view_of(job, None, self._until_end(job))
        position = self._store.position(job.id)
        workers = self._presence.here()
        places = sum(worker.slots for worker in workers if job.request.queue in worker.queues)
        time_left = None
        if position is not None and job.state is JobState.QUEUED:
            durations = [run.seconds for run in self._past.like(job.request.repository)]
            durations_before = [run.seconds for run in self._past.all()]
            time_left = seconds_until_done(position, places, durations, durations_before)
        return view_of(job, position, time_left, places)

    def _until_end(self, job: Job) -> TimeLeft | None:
        """Of a running job, from the stage it is in."""
        if job.state is not JobState.RUNNING or job.started_at is None:
            return None
        stage, since = _step(self._store.stages_since(job.id, job.started_at), job.started_at)
        past_runs = self._past.like(job.request.repository)
        seconds = (datetime.now(UTC) - since).total_seconds()
        return seconds_left(max(0.0, seconds), [run.rest(stage) for run in past_runs])


def _step(stages: Sequence[tuple[str, datetime]], started_at: datetime) -> tuple[str, datetime]:
    """The stage that a job is in, and since when: `propose` and `validate`, which take turns, are
    one."""
    if not stages:
        return "", started_at
    stage, since = stages[-1]
    for name, at in reversed(stages):
        if STEPS.get(name) != STEPS.get(stage):
            break
        since = at
    return stage, since
