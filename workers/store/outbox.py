"""What has to be told to others, written in the transaction that made it necessary.

A `run` entry is a hint: once Redis took it, it is gone, and a lost one is made up for by the
sweeper. A `publish` entry never goes to Redis: a publisher takes it (workers/forges/loop.py), and
it comes up again until the publishing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, delete, select, update

from workers.records import OutboxEntry, Queue, Topic
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert
from workers.store.tables import jobs, outbox

MAX_PUBLISHING_SECONDS = 120.0
"""How long one attempt at publishing may take before another one starts."""
MAX_PAUSE_SECONDS = 3600.0
STAGE_PAUSE_SECONDS = 5.0
"""Before a new stage of a run is told: most are over sooner, and then the next one is told."""


def enqueue(connection: Connection, topic: Topic, job_id: str) -> None:
    """Ask for a topic of a job once more; what is asked for already stays one entry."""
    insertion = insert(connection, outbox).values(
        topic=topic, job_id=job_id, version=1, attempts=0, due_at=database_now()
    )
    changes = {"version": outbox.c.version + 1, "due_at": database_now()}
    connection.execute(
        insertion.on_conflict_do_update(index_elements=["topic", "job_id"], set_=changes)
    )


def enqueue_stage(connection: Connection, job_id: str) -> None:
    """Ask for a job to be shown again in a moment, unless it is to be shown sooner."""
    due_at = seconds_from_now(STAGE_PAUSE_SECONDS)
    insertion = insert(connection, outbox).values(
        topic=Topic.PUBLISH, job_id=job_id, version=1, attempts=0, due_at=due_at
    )
    changes = {
        "version": outbox.c.version + 1,
        "due_at": case((outbox.c.due_at > due_at, due_at), else_=outbox.c.due_at),
    }
    connection.execute(
        insertion.on_conflict_do_update(index_elements=["topic", "job_id"], set_=changes)
    )


def due(
    connection: Connection, topic: Topic, limit: int, origin: str | None = None
) -> list[OutboxEntry]:
    query = (
        _entries()
        .where(outbox.c.topic == topic, outbox.c.due_at <= database_now())
        .order_by(outbox.c.due_at)
        .limit(limit)
    )
    if origin is not None:
        query = query.where(jobs.c.origin == origin)
    return [_entry(row) for row in connection.execute(query)]


def sent(connection: Connection, entries: Sequence[OutboxEntry]) -> None:
    """Remove hints that the broker took.

    In the order of their keys: two relays must not deadlock.
    """
    for entry in sorted(entries, key=lambda entry: entry.job_id):
        connection.execute(delete(outbox).where(_same(entry)))


def take(connection: Connection, job_id: str) -> OutboxEntry | None:
    """The publishing to do for this job, counted as an attempt; None when there is none due."""
    is_entry = and_(
        outbox.c.topic == Topic.PUBLISH,
        outbox.c.job_id == job_id,
        outbox.c.due_at <= database_now(),
    )
    due_at = seconds_from_now(MAX_PUBLISHING_SECONDS)
    statement = update(outbox).where(is_entry).values(attempts=outbox.c.attempts + 1, due_at=due_at)
    if connection.execute(statement.returning(outbox.c.job_id)).one_or_none() is None:
        return None
    is_entry = and_(outbox.c.topic == Topic.PUBLISH, outbox.c.job_id == job_id)
    return _entry(connection.execute(_entries().where(is_entry)).one())


def settle(connection: Connection, entry: OutboxEntry) -> None:
    """Remove an entry that is done; what was asked for meanwhile stays."""
    connection.execute(delete(outbox).where(_same(entry)))


def put_off(connection: Connection, entry: OutboxEntry, seconds: float) -> None:
    """Have an outbox entry tried again later."""
    due_at = seconds_from_now(min(seconds, MAX_PAUSE_SECONDS))
    connection.execute(update(outbox).where(_same(entry)).values(due_at=due_at))


def _entries() -> Select[Any]:
    return select(outbox, jobs.c.queue).join(jobs, jobs.c.id == outbox.c.job_id)


def _entry(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(
        topic=Topic(row.topic),
        job_id=row.job_id,
        queue=Queue(row.queue),
        version=row.version,
        attempts=row.attempts,
    )


def _same(entry: OutboxEntry) -> ColumnElement[bool]:
    return and_(
        outbox.c.topic == entry.topic,
        outbox.c.job_id == entry.job_id,
        outbox.c.version == entry.version,
    )
