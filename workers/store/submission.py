"""How jobs come in, are asked to stop, and are tried again: the owner's side of the store."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select, update

from workers.errors import BadRequest, JobActive, JobNotFound, TooManyJobs
from workers.job import LIVE, Job, JobRequest, JobState, Submitted, Topic
from workers.store import threads
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert
from workers.store.history import note
from workers.store.limits import Limits
from workers.store.outbox import enqueue
from workers.store.rows import job_of, request_text, storable
from workers.store.tables import jobs, repositories, results


def submit(connection: Connection, request: JobRequest, limits: Limits) -> Submitted:
    """Accept the job, or return the one that has its idempotency key already.

    The total may be passed by as many jobs as are being submitted at the same moment; the
    repository's limit is exact. Raises TooManyJobs or BadRequest.
    """
    lock_repository(connection, request.repository)
    earlier = _by_key(connection, request.idempotency_key)
    if earlier is not None:
        return Submitted(job=earlier, created=False)
    _check_limits(connection, request.repository, limits)
    accepted = insert(connection, jobs).values(_row(request)).on_conflict_do_nothing()
    row = connection.execute(accepted.returning(jobs)).one_or_none()
    if row is None:  # the same key for another repository at the same moment, or a bad id
        earlier = _by_key(connection, request.idempotency_key)
        if earlier is None:
            raise BadRequest(f"there is a job {request.repair.run_id!r} already")
        return Submitted(job=earlier, created=False)
    job = job_of(row)
    note(connection, job, "queued")
    enqueue(connection, Topic.RUN, job.id)
    return Submitted(job=job, created=True)


def lock_repository(connection: Connection, name: str) -> None:
    """Count and then act, with nobody in between. (SQLite has one writer anyway.)"""
    known = insert(connection, repositories).values(name=name).on_conflict_do_nothing()
    connection.execute(known)
    row = select(repositories.c.name).where(repositories.c.name == name)
    connection.execute(row.with_for_update())


def locked(connection: Connection, job_id: str) -> Job:
    """The job, with its row held until the transaction ends. Raises JobNotFound."""
    row = connection.execute(
        select(jobs).where(jobs.c.id == job_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id!r}")
    return job_of(row)


def cancel(connection: Connection, job_id: str, by: str) -> Job:
    """At once where nobody works on it; else its worker is told with its next heartbeat."""
    job = locked(connection, job_id)
    if job.state not in LIVE:
        return job
    reason = storable(f"cancelled by {by}")
    values = {"cancel_requested": True, "reason": reason}
    if job.state is not JobState.RUNNING:
        values |= {"state": JobState.CANCELLED, "ended_at": database_now()}
    changed = update(jobs).where(jobs.c.id == job_id).values(values).returning(jobs)
    job = job_of(connection.execute(changed).one())
    kind = "cancelling" if job.state is JobState.RUNNING else "cancelled"
    note(connection, job, kind, by=by, reason=reason)
    return job


def retry(connection: Connection, job_id: str) -> Job:
    """Queue a job again that has ended. It begins anew, as if it were new. Raises JobActive."""
    job = locked(connection, job_id)
    if job.state in LIVE:
        raise JobActive(f"job {job_id} has not ended: it is {job.state}")
    connection.execute(results.delete().where(results.c.job_id == job_id))
    threads.forget(connection, job_id)
    seconds = job.request.deadline_seconds
    changed = (
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state=JobState.QUEUED,
            outcome=None,
            reason="",
            crashes=0,
            waits=0,
            cancel_requested=False,
            queued_at=database_now(),
            started_at=None,
            ended_at=None,
            not_before=None,
            deadline_at=None if seconds is None else seconds_from_now(seconds),
        )
        .returning(jobs)
    )
    queued = job_of(connection.execute(changed).one())
    note(connection, queued, "queued", again=True)
    enqueue(connection, Topic.RUN, job_id)
    return queued


def _by_key(connection: Connection, key: str | None) -> Job | None:
    if key is None:
        return None
    row = connection.execute(select(jobs).where(jobs.c.idempotency_key == key)).one_or_none()
    return None if row is None else job_of(row)


def _check_limits(connection: Connection, repository: str, limits: Limits) -> None:
    own, most = jobs.c.repository == repository, limits.max_jobs_per_repository
    if _live(connection, most, own) >= most:
        raise TooManyJobs(f"{repository} has {most} live jobs, which is the limit; wait for one")
    if _live(connection, limits.max_live_jobs) >= limits.max_live_jobs:
        raise TooManyJobs(f"the service has {limits.max_live_jobs} live jobs, which is the limit")


def _live(connection: Connection, most: int, *conditions: ColumnElement[bool]) -> int:
    """How many there are; no more than `most` are counted."""
    found = select(jobs.c.id).where(jobs.c.state.in_(LIVE), *conditions).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(found)).scalar_one()


def _row(request: JobRequest) -> dict[str, object]:
    seconds = request.deadline_seconds
    return {
        "id": request.repair.run_id,
        "request": request_text(request),
        "repository": request.repository,
        "queue": request.queue,
        "origin": request.origin,
        "owner": request.owner,
        "idempotency_key": request.idempotency_key,
        "state": JobState.QUEUED,
        "created_at": database_now(),
        "queued_at": database_now(),
        "deadline_at": None if seconds is None else seconds_from_now(seconds),
    }
