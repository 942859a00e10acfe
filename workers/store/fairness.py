"""Whose turn it is. What was begun before (its worker died, its model was away) goes on first;
then comes the repository with the fewest running jobs, then the one that was served longest ago,
and within a repository the oldest job."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Subquery, case, func, select

from workers.job import JobState, Queue
from workers.store.limits import Limits
from workers.store.tables import jobs, repositories

WAITING_STATES = (JobState.QUEUED, JobState.WAITING)
NEW = case((jobs.c.started_at.is_(None), 1), else_=0)
"""Sorts what was begun before what was not."""


def next_in(
    connection: Connection, queue: Queue, claimable: ColumnElement[bool], limits: Limits
) -> str | None:
    """The id of the job whose turn it is, if any may run."""
    running = _running()
    heads = (
        select(
            jobs.c.repository,
            func.min(NEW).label("new"),
            func.min(jobs.c.queued_at).label("queued_at"),
        )
        .where(jobs.c.queue == queue, claimable)
        .group_by(jobs.c.repository)
        .subquery()
    )
    busy = func.coalesce(running.c.number, 0)
    turn = (
        select(heads.c.repository)
        .select_from(
            heads.outerjoin(running, running.c.repository == heads.c.repository).outerjoin(
                repositories, repositories.c.name == heads.c.repository
            )
        )
        .where(busy < limits.max_running_per_repository)
        .order_by(
            heads.c.new, busy, func.coalesce(repositories.c.served_at, 0.0), heads.c.queued_at
        )
        .limit(1)
    )
    repository = connection.execute(turn).scalar()
    if repository is None:
        return None
    return first_of(connection, repository, claimable, queue)


def first_of(
    connection: Connection,
    repository: str,
    claimable: ColumnElement[bool],
    queue: Queue | None = None,
) -> str | None:
    """The job of a repository whose turn it is, if any may run."""
    query = select(jobs.c.id).where(jobs.c.repository == repository, claimable)
    if queue is not None:
        query = query.where(jobs.c.queue == queue)
    oldest = query.order_by(NEW, jobs.c.queued_at, jobs.c.id).limit(1)
    return connection.execute(oldest).scalar()


def position(connection: Connection, job_id: str) -> int | None:
    """1 = next. As if no job came or went: round by round over the repositories."""
    queue = select(jobs.c.queue).where(jobs.c.id == job_id).scalar_subquery()
    running = _running()
    turns = (
        select(
            jobs.c.id,
            NEW.label("new"),
            (
                func.row_number().over(
                    partition_by=jobs.c.repository, order_by=(NEW, jobs.c.queued_at, jobs.c.id)
                )
                + func.coalesce(running.c.number, 0)
            ).label("round"),
            func.coalesce(repositories.c.served_at, 0.0).label("served_at"),
            jobs.c.queued_at,
        )
        .select_from(
            jobs.outerjoin(running, running.c.repository == jobs.c.repository).outerjoin(
                repositories, repositories.c.name == jobs.c.repository
            )
        )
        .where(jobs.c.queue == queue, jobs.c.state.in_(WAITING_STATES))
        .subquery()
    )
    order = (turns.c.new, turns.c.round, turns.c.served_at, turns.c.queued_at, turns.c.id)
    places = select(turns.c.id, func.row_number().over(order_by=order).label("place")).subquery()
    found = select(places.c.place).where(places.c.id == job_id)
    return connection.execute(found).scalar()


def startable(
    connection: Connection, queue: Queue, claimable: ColumnElement[bool], limits: Limits
) -> int:
    """How many jobs of this queue could start now, given enough workers."""
    running = _running()
    free = limits.max_running_per_repository - func.coalesce(func.max(running.c.number), 0)
    per_repository = (
        select(func.count().label("ready"), free.label("free"))
        .select_from(jobs.outerjoin(running, running.c.repository == jobs.c.repository))
        .where(jobs.c.queue == queue, claimable)
        .group_by(jobs.c.repository)
    )
    return sum(max(0, min(row.ready, row.free)) for row in connection.execute(per_repository))


def _running() -> Subquery:
    """Repository → how many of its jobs run."""
    return (
        select(jobs.c.repository, func.count().label("number"))
        .where(jobs.c.state == JobState.RUNNING)
        .group_by(jobs.c.repository)
        .subquery()
    )
