"""How jobs come in, are asked to stop, and are tried again: the owner's side of the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from sqlalchemy import Connection, select, update

from agent.runs.folder import new_run_id
from workers.errors import BadRequest, JobActive, JobNotFound
from workers.records import (
    LIVE_STATES,
    PUBLISHED_ORIGINS,
    Job,
    JobRequest,
    JobState,
    Submission,
    Topic,
)
from workers.store import checkpoints
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert
from workers.store.history import note
from workers.store.outbox import enqueue
from workers.store.rows import job_of, request_text, storable
from workers.store.scheduling.admission import check_room, hold_door
from workers.store.scheduling.limits import Limits
from workers.store.tables import jobs, results


def submit(connection: Connection, request: JobRequest, limits: Limits) -> Submission:
    """Accept the job, or return the one that has its idempotency key already.

    Raises TooManyJobs or BadRequest.
    """
    hold_door(connection)
    earlier_job = _by_key(connection, request)
    if earlier_job is not None:
        return Submission(job=earlier_job, created=False)
    check_room(connection, request.owner, request.repository, limits)
    insertion = insert(connection, jobs).values(_row(request)).on_conflict_do_nothing()
    row = connection.execute(insertion.returning(jobs)).one_or_none()
    if row is None:  # the same key for another repository at the same moment, or a bad id
        earlier_job = _by_key(connection, request)
        if earlier_job is None:
            raise BadRequest(f"there is a job {request.repair.run_id!r} already")
        return Submission(job=earlier_job, created=False)
    job = job_of(row)
    note(connection, job, "queued")
    enqueue(connection, Topic.RUN, job.id)
    return Submission(job=job, created=True)


def locked(connection: Connection, job_id: str) -> Job:
    """The job, with its row held until the transaction ends. Raises JobNotFound."""
    row = connection.execute(
        select(jobs).where(jobs.c.id == job_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id!r}")
    return job_of(row)


def cancel(connection: Connection, job_id: str, by: str) -> Job:
    """Cancel a job: at once where nobody works on it, else with its worker's next heartbeat."""
    job = locked(connection, job_id)
    if job.state not in LIVE_STATES:
        return job
    reason = storable(f"cancelled by {by}")
    values = {"cancel_requested": True, "reason": reason}
    if job.state is not JobState.RUNNING:
        values |= {"state": JobState.CANCELLED, "ended_at": database_now()}
    statement = update(jobs).where(jobs.c.id == job_id).values(values).returning(jobs)
    job = job_of(connection.execute(statement).one())
    kind = "cancelling" if job.state is JobState.RUNNING else "cancelled"
    note(connection, job, kind, by=by, reason=reason)
    return job


def retry(connection: Connection, job_id: str, limits: Limits) -> Job:
    """Queue a job again that has ended. It begins anew, as if it were new.

    One that has a result keeps it: the new attempt is a job of its own beside it, which is
    returned. A job of a forge stays one job, since its comment and its branch are that job's.
    Raises JobActive or TooManyJobs.
    """
    hold_door(connection)
    job = locked(connection, job_id)
    if job.state in LIVE_STATES:
        raise JobActive(f"job {job_id} has not ended: it is {job.state}")
    check_room(connection, job.request.owner, job.request.repository, limits)
    if job.request.origin not in PUBLISHED_ORIGINS and _has_result(connection, job_id):
        return _beside(connection, job)
    connection.execute(results.delete().where(results.c.job_id == job_id))
    checkpoints.forget(connection, job_id)
    seconds = job.request.deadline_seconds
    statement = (
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
    new_job = job_of(connection.execute(statement).one())
    note(connection, new_job, "queued", again=True)
    enqueue(connection, Topic.RUN, job_id)
    return new_job


def _has_result(connection: Connection, job_id: str) -> bool:
    query = select(results.c.job_id).where(results.c.job_id == job_id)
    return connection.execute(query).one_or_none() is not None


def _beside(connection: Connection, old: Job) -> Job:
    """Another job that asks for the same. Room was checked for it."""
    repair = replace(old.request.repair, run_id=new_run_id())
    request = replace(old.request, repair=repair, idempotency_key=None)
    statement = jobs.insert().values(_row(request)).returning(jobs)
    job = job_of(connection.execute(statement).one())
    note(connection, job, "queued", attempt_after=old.id)
    enqueue(connection, Topic.RUN, job.id)
    return job


def _scoped_key(request: JobRequest) -> str | None:
    """What stands for its idempotency key in the store.

    Keys of different owners, or of an owner and of GitHub, must not meet: one would be given the
    other's job. A digest of all three, whose borders nothing in them can move.
    """
    if request.idempotency_key is None:
        return None
    parts = [request.origin, request.owner, request.idempotency_key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _by_key(connection: Connection, request: JobRequest) -> Job | None:
    key = _scoped_key(request)
    if key is None:
        return None
    row = connection.execute(select(jobs).where(jobs.c.idempotency_key == key)).one_or_none()
    return None if row is None else job_of(row)


def _row(request: JobRequest) -> dict[str, object]:
    seconds = request.deadline_seconds
    return {
        "id": request.repair.run_id,
        "request": request_text(request),
        "repository": request.repository,
        "queue": request.queue,
        "origin": request.origin,
        "owner": request.owner,
        "idempotency_key": _scoped_key(request),
        "state": JobState.QUEUED,
        "created_at": database_now(),
        "queued_at": database_now(),
        "deadline_at": None if seconds is None else seconds_from_now(seconds),
    }
