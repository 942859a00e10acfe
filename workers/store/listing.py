"""What can be asked about jobs."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, func, or_, select, tuple_

from agent.patches.changes import diff_text
from agent.records import Status
from workers.errors import JobNotFound
from workers.records import Job, JobFilter, JobState, StoredResult
from workers.store.rows import job_of
from workers.store.tables import jobs, results


def job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id!r}")
    return job_of(row)


def newest(
    connection: Connection, job_filter: JobFilter, limit: int, before: str | None
) -> list[Job]:
    """Jobs, newest first; `before` is the id of the last job of the page that came before."""
    query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
    query = query.where(*_conditions(job_filter))
    if before is not None:
        last_job = jobs.alias()
        position = [
            select(column).where(last_job.c.id == before).scalar_subquery()
            for column in (last_job.c.created_at, last_job.c.id)
        ]
        query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*position))
    return [job_of(row) for row in connection.execute(query)]


def _conditions(job_filter: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if job_filter.states is not None:
        conditions.append(jobs.c.state.in_(job_filter.states))
    if job_filter.outcomes is not None:
        conditions.append(jobs.c.outcome.in_(job_filter.outcomes))
    if job_filter.repository is not None:
        conditions.append(jobs.c.repository == job_filter.repository)
    if job_filter.owner is not None:
        conditions.append(jobs.c.owner == job_filter.owner)
    if job_filter.words:
        words = job_filter.words.lower()
        has_words = [
            func.lower(column).contains(words, autoescape=True)
            for column in (jobs.c.repository, jobs.c.id)
        ]
        conditions.append(or_(*has_words))
    return conditions


def counts_by_ending(
    connection: Connection, owner: str | None
) -> Mapping[tuple[JobState, Status | None], int]:
    """(State, outcome) → number of jobs, of those that are there."""
    query = select(jobs.c.state, jobs.c.outcome, func.count())
    query = query.where(*_conditions(JobFilter(owner=owner)))
    rows = connection.execute(query.group_by(jobs.c.state, jobs.c.outcome))
    return {
        (JobState(state), None if outcome is None else Status(outcome)): number
        for state, outcome, number in rows
    }


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
