"""What happened to a job, numbered 1, 2, 3 …; a change of its state also asks for publishing."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from workers.records import PUBLISHED_ORIGINS, STAGE_KIND, Job, JobEvent, NewEvent, Topic
from workers.store.clock import database_now
from workers.store.outbox import enqueue
from workers.store.rows import event_of, storable
from workers.store.tables import events, jobs


def note(connection: Connection, job: Job, kind: str, **data: object) -> None:
    """Record a change of the job's state, and have it published where the job came from."""
    numbering = (
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(events=jobs.c.events + 1)
        .returning(jobs.c.events)
    )
    last_number = connection.execute(numbering).scalar_one()
    write(connection, job.id, last_number, [NewEvent(kind=kind, data=data)])
    if job.request.origin in PUBLISHED_ORIGINS:
        enqueue(connection, Topic.PUBLISH, job.id)


def write(connection: Connection, job_id: str, last_number: int, new: Sequence[NewEvent]) -> None:
    """Insert events whose numbers were reserved; `last_number` is that of the last one."""
    first_number = last_number - len(new) + 1
    at = connection.execute(select(database_now())).scalar_one()
    rows = [
        {
            "job_id": job_id,
            "seq": first_number + index,
            "at": at,
            "kind": storable(event.kind),
            "data": json.dumps(dict(event.data)),
        }
        for index, event in enumerate(new)
    ]
    connection.execute(insert(events), rows)


def stage(connection: Connection, job_id: str) -> str:
    """Name of the stage that began last; empty before the first one."""
    query = (
        select(events.c.data)
        .where(events.c.job_id == job_id, events.c.kind == STAGE_KIND)
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    data = connection.execute(query).scalar_one_or_none()
    return "" if data is None else str(json.loads(data).get("stage", ""))


def stages_since(
    connection: Connection, job_id: str, since: datetime
) -> list[tuple[str, datetime]]:
    """The stages that began since then, in their order, and when."""
    query = (
        select(events.c.data, events.c.at)
        .where(events.c.job_id == job_id, events.c.kind == STAGE_KIND, events.c.at >= since)
        .order_by(events.c.seq)
    )
    return [(str(json.loads(data).get("stage", "")), at) for data, at in connection.execute(query)]


def stages(connection: Connection, job_ids: Collection[str]) -> dict[str, str]:
    """Job → name of the stage that began last."""
    is_stage = events.c.job_id.in_(job_ids), events.c.kind == STAGE_KIND
    last = select(events.c.job_id, func.max(events.c.seq).label("seq")).where(*is_stage)
    last_rows = last.group_by(events.c.job_id).subquery()
    joined = events.join(
        last_rows, (events.c.job_id == last_rows.c.job_id) & (events.c.seq == last_rows.c.seq)
    )
    rows = connection.execute(select(events.c.job_id, events.c.data).select_from(joined))
    return {job_id: str(json.loads(data).get("stage", "")) for job_id, data in rows}


def read(connection: Connection, job_id: str, after: int, limit: int) -> list[JobEvent]:
    query = (
        select(events)
        .where(events.c.job_id == job_id, events.c.seq > after)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return [event_of(row) for row in connection.execute(query)]
