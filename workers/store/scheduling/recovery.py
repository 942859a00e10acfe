"""What is put right when a worker, its machine or the time ran out."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from workers.records import LIVE_STATES, Job, JobState, Topic
from workers.store.clock import database_now, seconds_from_now
from workers.store.history import note
from workers.store.outbox import enqueue
from workers.store.rows import job_of
from workers.store.scheduling.claims import hint_next
from workers.store.scheduling.limits import Limits
from workers.store.scheduling.submission import cancel
from workers.store.tables import jobs

MAX_LEASES_AHEAD = 10
"""A lease that ends later than so many leases from now was given before the clock went back."""


def expired(connection: Connection, limits: Limits, limit: int) -> list[Job]:
    """Running jobs whose lease ran out."""
    query = select(jobs).where(_silent(limits)).order_by(jobs.c.lease_expires_at).limit(limit)
    return [job_of(row) for row in connection.execute(query)]


def revive(
    connection: Connection,
    job: Job,
    limits: Limits,
    *,
    worker_is_dead: bool = False,
    store_was_away: bool = False,
) -> Job | None:
    """Queue it again, or bury it when it took too many workers with it.

    Where the database was away no worker could extend its lease, so that is no crash. A job that
    was to be cancelled is. None where its worker, or another sweeper, was faster.
    """
    held_by = and_(jobs.c.state == JobState.RUNNING, jobs.c.worker == job.worker)
    # The row and not `job`: it may have been asked to end since that was read.
    query = select(jobs).where(
        jobs.c.id == job.id,
        held_by if worker_is_dead else _silent(limits),
        jobs.c.attempts == job.attempts,
    )
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        return None
    state, reason, crashes = _fate(job_of(row), limits, worker_is_dead, store_was_away)
    values = {
        "state": state,
        "reason": reason,
        "crashes": crashes,
        "fence": jobs.c.fence + 1,
        "lease_expires_at": None,
        "ended_at": None if state is JobState.QUEUED else database_now(),
    }
    statement = update(jobs).where(jobs.c.id == job.id).values(values).returning(jobs)
    new_job = job_of(connection.execute(statement).one())
    note(connection, new_job, _kind(state), reason=reason)
    if state is JobState.QUEUED:
        enqueue(connection, Topic.RUN, job.id)
    else:
        hint_next(connection, job)
    return new_job


def _fate(
    job: Job, limits: Limits, worker_is_dead: bool, store_was_away: bool
) -> tuple[JobState, str, int]:
    """The state of a job that lost its worker, the reason, and its crashes by now."""
    is_crash = worker_is_dead or not store_was_away
    crashes = job.crashes + (1 if is_crash else 0)
    if job.cancel_requested:
        return JobState.CANCELLED, job.reason, crashes
    event = "died" if worker_is_dead else "fell silent"
    count = f"crash {crashes} of {limits.max_crashes}" if is_crash else "the database was away"
    state = JobState.QUEUED if crashes < limits.max_crashes else JobState.DEAD
    return state, f"worker {job.worker} {event} ({count})", crashes


def end_overdue(connection: Connection, limit: int) -> list[Job]:
    """Cancel what passed its deadline; a running one keeps its best patch.

    One that was asked to end already is left to its worker, and ended here where it has none.
    """
    overdue = and_(
        jobs.c.state.in_(LIVE_STATES),
        jobs.c.deadline_at <= database_now(),
        or_(jobs.c.cancel_requested.is_(False), jobs.c.state != JobState.RUNNING),
    )
    ids = connection.execute(select(jobs.c.id).where(overdue).limit(limit)).scalars().all()
    return [cancel(connection, job_id, "its deadline") for job_id in ids]


def _silent(limits: Limits) -> ColumnElement[bool]:
    ends = jobs.c.lease_expires_at
    is_too_far = ends > seconds_from_now(MAX_LEASES_AHEAD * limits.lease_seconds)
    return and_(jobs.c.state == JobState.RUNNING, or_(ends < database_now(), is_too_far))


def _kind(state: JobState) -> str:
    return "requeued" if state is JobState.QUEUED else state.value
