"""How many jobs may be live at once, of an owner's repository, of an owner, and in all.

All limits are exact: whoever adds a live job holds the door until its transaction ends, so that
nobody comes in between the count and the job.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, literal, select

from workers.errors import TooManyJobs
from workers.store.database import ADMISSION_LOCK
from workers.store.scheduling.limits import Limits
from workers.store.tables import LIVE_ONLY, jobs


def hold_door(connection: Connection) -> None:
    """Before anything else of the transaction is locked. (SQLite has one writer anyway.)"""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ADMISSION_LOCK)))


def check_room(connection: Connection, owner: str, repository: str, limits: Limits) -> None:
    """Check that there is room for one more job, while `hold_door` locks submissions.

    Raises TooManyJobs.
    """
    repository_limit, service_limit = limits.max_jobs_per_repository, limits.max_live_jobs
    owner_limit = limits.max_jobs_per_owner
    is_repository, is_owner = jobs.c.repository == repository, jobs.c.owner == owner
    counts = select(
        _live(repository_limit, is_owner, is_repository),
        _live(owner_limit, is_owner),
        _live(service_limit),
    )
    of_repository, of_owner, of_all = connection.execute(counts).one()
    if of_repository >= repository_limit:
        raise TooManyJobs(
            f"{repository} has {repository_limit} live jobs, which is the limit; wait for one"
        )
    if of_owner >= owner_limit:
        raise TooManyJobs(
            f"this owner has {owner_limit} live jobs, which is the limit; wait for one"
        )
    if of_all >= service_limit:
        raise TooManyJobs(f"the service has {service_limit} live jobs, which is the limit")


def _live(limit: int, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many there are; no more than `limit` are counted, and in an index alone.

    A database uses a partial index only for its own condition, word for word.
    """
    live_jobs = select(literal(1)).select_from(jobs).where(LIVE_ONLY, *conditions).limit(limit)
    return select(func.count()).select_from(live_jobs.subquery()).scalar_subquery()
