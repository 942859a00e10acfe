"""What has to reach the broker, written in the transaction that made it necessary.

A `run` entry is a hint: once Redis took it, it is gone, and a lost one is made up for by the
sweeper. A `publish` entry stays until the publishing is done, and comes up again until then.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from workers.clock import database_now, seconds_from_now
from workers.database import insert
from workers.job import OutboxEntry, Topic
from workers.tables import outbox

PUBLISHING_SECONDS = 120.0
"""How long one attempt at publishing may take before another one starts."""
LONGEST_PAUSE_SECONDS = 3600.0


def enqueue(connection: Connection, topic: Topic, job_id: str) -> None:
    """Ask for it once more; what is asked for already stays one entry."""
    asked = insert(connection, outbox).values(
        topic=topic, job_id=job_id, version=1, attempts=0, due_at=database_now()
    )
    again = {"version": outbox.c.version + 1, "due_at": database_now()}
    connection.execute(asked.on_conflict_do_update(index_elements=["topic", "job_id"], set_=again))


def due(connection: Connection, limit: int) -> list[OutboxEntry]:
    query = select(outbox).where(outbox.c.due_at <= database_now()).order_by(outbox.c.due_at)
    return [
        OutboxEntry(
            topic=Topic(row.topic), job_id=row.job_id, version=row.version, attempts=row.attempts
        )
        for row in connection.execute(query.limit(limit))
    ]


def sent(connection: Connection, entries: Sequence[OutboxEntry]) -> None:
    """The broker took them. In the order of their keys: two relays must not deadlock."""
    later = seconds_from_now(PUBLISHING_SECONDS)
    for entry in sorted(entries, key=lambda entry: (entry.topic, entry.job_id)):
        if entry.topic is Topic.RUN:
            connection.execute(delete(outbox).where(_same(entry)))
        else:
            connection.execute(update(outbox).where(_same(entry)).values(due_at=later))


def take(connection: Connection, job_id: str) -> OutboxEntry | None:
    """The publishing to do for this job, counted as an attempt; None when there is none."""
    mine = and_(outbox.c.topic == Topic.PUBLISH, outbox.c.job_id == job_id)
    taken = (
        update(outbox)
        .where(mine)
        .values(attempts=outbox.c.attempts + 1, due_at=seconds_from_now(PUBLISHING_SECONDS))
        .returning(outbox.c.version, outbox.c.attempts)
    )
    row = connection.execute(taken).one_or_none()
    if row is None:
        return None
    return OutboxEntry(
        topic=Topic.PUBLISH, job_id=job_id, version=row.version, attempts=row.attempts
    )


def settle(connection: Connection, entry: OutboxEntry) -> None:
    """Done; what was asked for meanwhile stays."""
    connection.execute(delete(outbox).where(_same(entry)))


def put_off(connection: Connection, entry: OutboxEntry, seconds: float) -> None:
    """Try again later."""
    later = seconds_from_now(min(seconds, LONGEST_PAUSE_SECONDS))
    connection.execute(update(outbox).where(_same(entry)).values(due_at=later))


def _same(entry: OutboxEntry) -> ColumnElement[bool]:
    return and_(
        outbox.c.topic == entry.topic,
        outbox.c.job_id == entry.job_id,
        outbox.c.version == entry.version,
    )
