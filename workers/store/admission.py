"""How many jobs may be live at once, of an owner's repository, of an owner, and in all.

All limits are exact: whoever adds a live job holds the door until its transaction ends, so that
nobody comes in between the count and the job.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, literal, select

from workers.errors import TooManyJobs
from workers.store.database import ADMISSION_LOCK
from workers.store.limits import Limits
from workers.store.tables import LIVE_ONLY, jobs


def hold_door(connection: Connection) -> None:
    """Before anything else of the transaction is locked. (SQLite has one writer anyway.)"""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ADMISSION_LOCK)))


def check_room(connection: Connection, owner: str, repository: str, limits: Limits) -> None:
    """For one more job; the door is held. Raises TooManyJobs."""
    most, total = limits.max_jobs_per_repository, limits.max_live_jobs
    own = limits.max_jobs_per_owner
    its, theirs = jobs.c.repository == repository, jobs.c.owner == owner
    counts = select(_live(most, theirs, its), _live(own, theirs), _live(total))
    of_repository, of_owner, of_all = connection.execute(counts).one()
    if of_repository >= most:
        raise TooManyJobs(f"{repository} has {most} live jobs, which is the limit; wait for one")
    if of_owner >= own:
        raise TooManyJobs(f"this owner has {own} live jobs, which is the limit; wait for one")
    if of_all >= total:
        raise TooManyJobs(f"the service has {total} live jobs, which is the limit")


def _live(most: int, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many there are; no more than `most` are counted, and in an index alone.

    A database uses a partial index only for its own condition, word for word.
    """
    found = select(literal(1)).select_from(jobs).where(LIVE_ONLY, *conditions).limit(most)
    return select(func.count()).select_from(found.subquery()).scalar_subquery()
