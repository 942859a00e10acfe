"""Whose turn it is. First the owner with the fewest running jobs, then the one that was served
longest ago: nobody gains by having more jobs, or more names for a repository. Of an owner's, what
was begun before (its worker died, its model was away) goes on first; then comes the repository
with the fewest running jobs, then the one that was served longest ago, and within a repository
the oldest job."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    and_,
    case,
    func,
    select,
)

from workers.records import JobState, Queue
from workers.store.scheduling.limits import Limits
from workers.store.tables import ALL_REPOSITORIES, jobs, turns

WAITING_STATES = (JobState.QUEUED, JobState.WAITING)
IS_NEW = case((jobs.c.started_at.is_(None), 1), else_=0)
"""Sorts what was begun before what was not."""


def next_in(
    connection: Connection, queue: Queue, claimable: ColumnElement[bool], limits: Limits
) -> str | None:
    """The id of the job whose turn it is, if any may run."""
    heads = (
        select(
            jobs.c.owner,
            jobs.c.repository,
            func.min(IS_NEW).label("new"),
            func.min(jobs.c.queued_at).label("queued_at"),
        )
        .where(jobs.c.queue == queue, claimable)
        .group_by(jobs.c.owner, jobs.c.repository)
        .subquery()
    )
    of_pair, of_owner = _running(), _running_of_owners()
    pair, owner = turns.alias(), turns.alias()
    busy = func.coalesce(of_pair.c.number, 0)
    turn = (
        select(heads.c.owner, heads.c.repository)
        .select_from(
            heads.outerjoin(of_pair, _same(of_pair, heads))
            .outerjoin(of_owner, of_owner.c.owner == heads.c.owner)
            .outerjoin(pair, _same(pair, heads))
            .outerjoin(owner, _owners(owner, heads))
        )
        .where(busy < limits.max_running_per_repository)
        .order_by(
            func.coalesce(of_owner.c.number, 0),
            func.coalesce(owner.c.served_at, 0.0),
            heads.c.new,
            busy,
            func.coalesce(pair.c.served_at, 0.0),
            heads.c.queued_at,
        )
        .limit(1)
    )
    head = connection.execute(turn).one_or_none()
    if head is None:
        return None
    return first_of(connection, head.owner, head.repository, claimable, queue)


def first_of(
    connection: Connection,
    owner: str,
    repository: str,
    claimable: ColumnElement[bool],
    queue: Queue | None = None,
) -> str | None:
    """The job of an owner's repository whose turn it is, if any may run."""
    query = select(jobs.c.id).where(
        jobs.c.owner == owner, jobs.c.repository == repository, claimable
    )
    if queue is not None:
        query = query.where(jobs.c.queue == queue)
    oldest = query.order_by(IS_NEW, jobs.c.queued_at, jobs.c.id).limit(1)
    return connection.execute(oldest).scalar()


def position(connection: Connection, job_id: str) -> int | None:
    """1 = next. As if no job came or went: round by round over the owners."""
    rows = _rounds(select(jobs.c.queue).where(jobs.c.id == job_id).scalar_subquery())
    of_owner, owner = _running_of_owners(), turns.alias()
    in_turn = (rows.c.new, rows.c.round, rows.c.served_at, rows.c.queued_at, rows.c.id)
    owner_rank = func.row_number().over(partition_by=rows.c.owner, order_by=in_turn)
    rounds = (
        select(
            rows.c.id,
            (owner_rank + func.coalesce(of_owner.c.number, 0)).label("round"),
            func.coalesce(owner.c.served_at, 0.0).label("served_at"),
            rows.c.queued_at,
        )
        .select_from(
            rows.outerjoin(of_owner, of_owner.c.owner == rows.c.owner).outerjoin(
                owner, _owners(owner, rows)
            )
        )
        .subquery()
    )
    order = (rounds.c.round, rounds.c.served_at, rounds.c.queued_at, rounds.c.id)
    places = select(rounds.c.id, func.row_number().over(order_by=order).label("place")).subquery()
    query = select(places.c.place).where(places.c.id == job_id)
    return connection.execute(query).scalar()


def startable(
    connection: Connection, queue: Queue, claimable: ColumnElement[bool], limits: Limits
) -> int:
    """How many jobs of this queue could start now, given enough workers."""
    running_jobs = _running()
    free = limits.max_running_per_repository - func.coalesce(func.max(running_jobs.c.number), 0)
    per_repository = (
        select(func.count().label("ready"), free.label("free"))
        .select_from(jobs.outerjoin(running_jobs, _same(running_jobs, jobs)))
        .where(jobs.c.queue == queue, claimable)
        .group_by(jobs.c.owner, jobs.c.repository)
    )
    return sum(max(0, min(row.ready, row.free)) for row in connection.execute(per_repository))


def _rounds(queue: ColumnElement[str]) -> Subquery:
    """The jobs that wait, each with its round among those of its repository."""
    running_jobs, pair = _running(), turns.alias()
    nth = func.row_number().over(
        partition_by=(jobs.c.owner, jobs.c.repository),
        order_by=(IS_NEW, jobs.c.queued_at, jobs.c.id),
    )
    return (
        select(
            jobs.c.id,
            jobs.c.owner,
            IS_NEW.label("new"),
            (nth + func.coalesce(running_jobs.c.number, 0)).label("round"),
            func.coalesce(pair.c.served_at, 0.0).label("served_at"),
            jobs.c.queued_at,
        )
        .select_from(
            jobs.outerjoin(running_jobs, _same(running_jobs, jobs)).outerjoin(
                pair, _same(pair, jobs)
            )
        )
        .where(jobs.c.queue == queue, jobs.c.state.in_(WAITING_STATES))
        .subquery()
    )


def _running() -> Subquery:
    """Owner and repository → how many of their jobs run."""
    return (
        select(jobs.c.owner, jobs.c.repository, func.count().label("number"))
        .where(jobs.c.state == JobState.RUNNING)
        .group_by(jobs.c.owner, jobs.c.repository)
        .subquery()
    )


def _running_of_owners() -> Subquery:
    return (
        select(jobs.c.owner, func.count().label("number"))
        .where(jobs.c.state == JobState.RUNNING)
        .group_by(jobs.c.owner)
        .subquery()
    )


def _same(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    return and_(one.c.owner == other.c.owner, one.c.repository == other.c.repository)


def _owners(turn: FromClause, rows: Subquery) -> ColumnElement[bool]:
    """The row that stands for all repositories of an owner."""
    return and_(turn.c.owner == rows.c.owner, turn.c.repository == ALL_REPOSITORIES)
