"""What ended lately, for plots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from agent.records import Status
from workers.store.clock import database_now
from workers.store.tables import jobs

MAX_JOBS = 50_000
"""The newest: more would take longer to read than somebody waits for a page."""


@dataclass(frozen=True, kw_only=True)
class EndedJob:
    """What a plot needs of a job that ended."""

    ended_at: datetime
    wait_seconds: float | None
    """From its submission to its start; None where it never started."""
    outcome: Status | None
    tokens: int
    gpu_seconds: float
    merged: bool | None = None
    """As `Job.merged`."""


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The jobs that ended within some time before `until`, the newest first."""

    until: datetime
    jobs: list[EndedJob]


def recent(connection: Connection, owner: str | None, length: timedelta) -> Recent:
    """Those of an owner; of everybody where it is None."""
    until: datetime = connection.execute(select(database_now())).scalar_one()
    query = (
        select(
            jobs.c.created_at,
            jobs.c.started_at,
            jobs.c.ended_at,
            jobs.c.outcome,
            jobs.c.tokens,
            jobs.c.gpu_seconds,
            jobs.c.merged,
        )
        .where(jobs.c.ended_at > until - length)
        .order_by(jobs.c.ended_at.desc())
        .limit(MAX_JOBS)
    )
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    rows = connection.execute(query)
    return Recent(
        until=until,
        jobs=[
            EndedJob(
                ended_at=row.ended_at,
                wait_seconds=None
                if row.started_at is None
                else max(0.0, (row.started_at - row.created_at).total_seconds()),
                outcome=None if row.outcome is None else Status(row.outcome),
                tokens=row.tokens,
                gpu_seconds=float(row.gpu_seconds),
                merged=row.merged,
            )
            for row in rows
        ],
    )
