"""Who works on what: claims with a fencing token, heartbeats, and how a claim ends.

The fence grows with every claim, and every write of a worker names the fence it was given
(https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html): a worker that slept
through its lease changes nothing when it wakes up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from agent.patches.changes import diff_bytes
from agent.records import RepairResult, Status
from workers.errors import Fenced
from workers.records import (
    PUBLISHED_ORIGINS,
    STAGE_KIND,
    Claim,
    Job,
    JobState,
    LeaseRenewal,
    NewEvent,
    Queue,
    Topic,
    Usage,
)
from workers.store import history
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert
from workers.store.history import note
from workers.store.outbox import enqueue, enqueue_stage
from workers.store.rows import job_of, storable
from workers.store.scheduling import fairness, slot_leases
from workers.store.scheduling.limits import Limits
from workers.store.tables import ALL_REPOSITORIES, jobs, results, turns

BASE_PAUSE_SECONDS = 5.0
MAX_PAUSE_SECONDS = 600.0
"""Between two tries of a job that broke: 10 s, 20 s, 40 s …"""
MAX_DOUBLINGS = 10
"""Of a pause. More are over the longest anyway, and no float holds a thousand of them."""


def claimable() -> ColumnElement[bool]:
    """The condition that a job may be claimed: not held, not put off, not overdue."""
    clock = database_now()
    return and_(
        jobs.c.state.in_((JobState.QUEUED, JobState.WAITING)),
        or_(jobs.c.not_before.is_(None), jobs.c.not_before <= clock),
        or_(jobs.c.deadline_at.is_(None), jobs.c.deadline_at > clock),
    )


def claim(connection: Connection, job_id: str, worker: str, limits: Limits) -> Claim | None:
    """Claim this job for a worker; None when it cannot be had now."""
    query = select(jobs.c.owner, jobs.c.repository).where(jobs.c.id == job_id)
    job_key = connection.execute(query).one_or_none()
    if job_key is None:
        return None
    owner, name = job_key
    _lock_turn(connection, owner, name)
    is_running = and_(
        jobs.c.owner == owner, jobs.c.repository == name, jobs.c.state == JobState.RUNNING
    )
    if _count(connection, is_running) >= limits.max_running_per_repository:
        return None
    statement = (
        update(jobs)
        .where(jobs.c.id == job_id, claimable())
        .values(
            state=JobState.RUNNING,
            worker=worker,
            fence=jobs.c.fence + 1,
            attempts=jobs.c.attempts + 1,
            started_at=func.coalesce(jobs.c.started_at, database_now()),
            not_before=None,
            reason="",
            lease_expires_at=seconds_from_now(limits.lease_seconds),
        )
        .returning(jobs)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    for turn in (name, ALL_REPOSITORIES):  # always in this order: two claims must not deadlock
        _serve(connection, owner, turn)
    job = job_of(row)
    note(connection, job, "started", worker=worker, attempt=job.attempts)
    return Claim(job=job, fence=row.fence, worker=worker, expires_at=row.lease_expires_at)


def whose_turn(connection: Connection, queue: Queue, limits: Limits) -> str | None:
    """The id of the job that should be claimed next, if there is one."""
    return fairness.next_in(connection, queue, claimable(), limits)


def heartbeat(
    connection: Connection, claim: Claim, usage: Usage | None, limits: Limits
) -> LeaseRenewal:
    values = {"lease_expires_at": seconds_from_now(limits.lease_seconds), **_used(usage)}
    row = _as_holder(connection, claim, values)
    slot_leases.keep(connection, claim, limits.lease_seconds)
    return LeaseRenewal(cancel_requested=row.cancel_requested, expires_at=row.lease_expires_at)


def append(connection: Connection, claim: Claim, new: Sequence[NewEvent]) -> None:
    if new:
        row = _as_holder(connection, claim, {"events": jobs.c.events + len(new)})
        history.write(connection, claim.job.id, row.events, new)
        is_shown = claim.job.request.origin in PUBLISHED_ORIGINS
        if is_shown and any(event.kind == STAGE_KIND for event in new):
            enqueue_stage(connection, claim.job.id)


def finish(
    connection: Connection,
    claim: Claim,
    result: RepairResult,
    result_json: str,
    patch: str | None,
    usage: Usage | None,
) -> Job:
    """The repair came to its end, whichever it is."""
    is_cancelled = result.status is Status.CANCELLED
    values: dict[str, Any] = {
        "state": JobState.CANCELLED if is_cancelled else JobState.ENDED,
        "outcome": result.status,
        **_used(usage),
        "candidates_tried": result.candidates_tried,
    }
    if not is_cancelled:
        values["reason"] = storable(result.reason)  # else it says who cancelled it
    job = _release(connection, claim, values)
    insertion = insert(connection, results).values(
        job_id=job.id,
        result_json=result_json,
        patch=None if patch is None else diff_bytes(patch),
    )
    columns = {"result_json": insertion.excluded.result_json, "patch": insertion.excluded.patch}
    connection.execute(insertion.on_conflict_do_update(index_elements=["job_id"], set_=columns))
    note(connection, job, job.state.value, outcome=result.status.value, reason=job.reason)
    return job


def requeue(connection: Connection, claim: Claim, reason: str, not_before: datetime | None) -> Job:
    """Give the job back, through no fault of its own: a worker that stops, a model that is down."""
    values = {
        "state": JobState.QUEUED if not_before is None else JobState.WAITING,
        "reason": storable(reason),
        "not_before": not_before,
        "waits": jobs.c.waits + (0 if not_before is None else 1),
    }
    return _queued_again(connection, claim, values)


def fail(connection: Connection, claim: Claim, reason: str, retryable: bool, limits: Limits) -> Job:
    """The job, or the machine under it, broke. It is tried again, or becomes a dead letter."""
    crashes = claim.job.crashes + 1
    if not retryable or crashes >= limits.max_crashes:
        return _buried(connection, claim, reason)
    values = {
        "state": JobState.WAITING,
        "reason": storable(reason),
        "not_before": seconds_from_now(_pause(crashes)),
        "crashes": crashes,
    }
    return _queued_again(connection, claim, values)


def _pause(crashes: int) -> float:
    return min(BASE_PAUSE_SECONDS * 2.0 ** min(crashes, MAX_DOUBLINGS), MAX_PAUSE_SECONDS)


def _queued_again(connection: Connection, claim: Claim, values: Mapping[str, Any]) -> Job:
    if _cancelled(connection, claim):
        job = _release(connection, claim, {"state": JobState.CANCELLED})
        note(connection, job, "cancelled", reason=job.reason)
        return job
    job = _release(connection, claim, values)
    not_before = job.not_before.isoformat() if job.not_before else None
    note(connection, job, "requeued", reason=job.reason, not_before=not_before)
    if job.not_before is None:
        enqueue(connection, Topic.RUN, job.id)
    return job


def _buried(connection: Connection, claim: Claim, reason: str) -> Job:
    values = {"state": JobState.DEAD, "reason": storable(reason)}
    job = _release(connection, claim, values)
    note(connection, job, "dead", reason=job.reason)
    return job


def _release(connection: Connection, claim: Claim, values: Mapping[str, Any]) -> Job:
    """End the claim; a job of the same repository may have waited for that."""
    live = (JobState.QUEUED, JobState.WAITING)
    end_time = None if values["state"] in live else database_now()
    columns = {"fence": jobs.c.fence + 1, "lease_expires_at": None, "ended_at": end_time, **values}
    row = _as_holder(connection, claim, columns)
    job = job_of(row)
    hint_next(connection, job)
    return job


def hint_next(connection: Connection, ended_job: Job) -> None:
    """Another job of this owner and repository may have waited for a place that is free now."""
    request = ended_job.request
    next_id = fairness.first_of(connection, request.owner, request.repository, claimable())
    if next_id is not None:
        enqueue(connection, Topic.RUN, next_id)


def held(claim: Claim) -> ColumnElement[bool]:
    """The job's row, as long as the claim is good."""
    return and_(
        jobs.c.id == claim.job.id,
        jobs.c.fence == claim.fence,
        jobs.c.state == JobState.RUNNING,
    )


def _lock_turn(connection: Connection, owner: str, repository: str) -> None:
    """Count and then act, with nobody in between. (SQLite has one writer anyway.)"""
    row = {"owner": owner, "repository": repository}
    connection.execute(insert(connection, turns).values(row).on_conflict_do_nothing())
    is_turn = and_(turns.c.owner == owner, turns.c.repository == repository)
    connection.execute(select(turns.c.owner).where(is_turn).with_for_update())


def _serve(connection: Connection, owner: str, repository: str) -> None:
    served_at = {"served_at": database_now()}
    row = {"owner": owner, "repository": repository, **served_at}
    insertion = insert(connection, turns).values(row)
    keys = ["owner", "repository"]
    connection.execute(insertion.on_conflict_do_update(index_elements=keys, set_=served_at))


def _cancelled(connection: Connection, claim: Claim) -> bool:
    """Whether it is to end; the row stays as it is until the transaction ends."""
    row = select(jobs.c.cancel_requested).where(held(claim)).with_for_update()
    return bool(connection.execute(row).scalar())


def _as_holder(connection: Connection, claim: Claim, values: Mapping[str, Any]) -> Any:
    """Change the job's row as the one who holds it. Raises Fenced."""
    statement = update(jobs).where(held(claim)).values(values).returning(jobs)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise Fenced(f"job {claim.job.id} is no longer held by {claim.worker}")
    return row


def _used(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "tokens": usage.tokens,
        "gpu_seconds": usage.gpu_seconds,
        "candidates_tried": usage.candidates_tried,
    }


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(jobs).where(condition)).scalar_one()
