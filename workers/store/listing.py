"""What can be asked about jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select, tuple_

from agent.patches.changes import diff_text
from workers.errors import JobNotFound
from workers.records import Job, JobState, StoredResult
from workers.store.rows import job_of
from workers.store.tables import jobs, results


def job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id!r}")
    return job_of(row)


def newest(
    connection: Connection,
    states: Collection[JobState] | None,
    repository: str | None,
    owner: str | None,
    limit: int,
    before: str | None,
) -> list[Job]:
    """Jobs, newest first; `before` is the id of the last job of the page that came before."""
    query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(jobs.c.state.in_(states))
    if repository is not None:
        query = query.where(jobs.c.repository == repository)
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    if before is not None:
        last_job = jobs.alias()
        position = [
            select(column).where(last_job.c.id == before).scalar_subquery()
            for column in (last_job.c.created_at, last_job.c.id)
        ]
        query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*position))
    return [job_of(row) for row in connection.execute(query)]


def counts(connection: Connection) -> Mapping[JobState, int]:
    """State → number of jobs, for every state."""
    query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
    numbers = {JobState(state): number for state, number in connection.execute(query)}
    return {state: numbers.get(state, 0) for state in JobState}


def result(connection: Connection, job_id: str) -> StoredResult | None:
    row = connection.execute(select(results).where(results.c.job_id == job_id)).one_or_none()
    if row is None:
        return None
    patch = None if row.patch is None else diff_text(row.patch)
    return StoredResult(result_json=row.result_json, patch=patch)
