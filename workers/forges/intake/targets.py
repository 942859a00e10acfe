"""At most one live job for a target, and what each job was taken on for."""

from __future__ import annotations

import json

from sqlalchemy import Connection, exists, select, update

from agent.serialization import plain, restore
from workers.forges.intake.assignment import Assignment
from workers.forges.tables import assignments, targets
from workers.forges.webhook.trigger import Cause, PullEnded
from workers.store.database import insert, reading
from workers.store.store import Store
from workers.store.tables import effects, jobs

PUSH_EFFECT_PREFIX = "github push "
"""How the keys of pushes among the side effects begin, on every forge: the name is of the first."""


def lock_target(connection: Connection, repository: str, target: str) -> str | None:
    """Hold the target until the transaction ends; return its newest job."""
    key = {"repository": repository, "target": target}
    connection.execute(insert(connection, targets).values(**key).on_conflict_do_nothing())
    query = select(targets.c.job_id).where(
        targets.c.repository == repository, targets.c.target == target
    )
    newest: str | None = connection.execute(query.with_for_update()).scalar_one()
    return newest


def assign(connection: Connection, assignment: Assignment) -> None:
    """Record that this job is the newest of its target."""
    connection.execute(
        insert(connection, assignments).values(
            job_id=assignment.job_id,
            repository=assignment.repository,
            target=assignment.target,
            branch=assignment.branch,
            data=json.dumps(plain(assignment)),
        )
    )
    connection.execute(
        update(targets)
        .where(targets.c.repository == assignment.repository, targets.c.target == assignment.target)
        .values(job_id=assignment.job_id)
    )


def record_merged(connection: Connection, repository: str, ended: PullEnded) -> None:
    """Keep with the job what became of its pull request, if it worked for that repository."""
    is_its_own = exists().where(
        assignments.c.job_id == jobs.c.id,
        assignments.c.repository == repository.lower(),
        assignments.c.branch == ended.branch,
    )
    connection.execute(
        update(jobs).where(jobs.c.id == ended.job_id, is_its_own).values(merged=ended.merged)
    )


def assignment_of(store: Store, job_id: str) -> Assignment | None:
    query = select(assignments.c.data).where(assignments.c.job_id == job_id)
    with reading(store.engine) as connection:
        data = connection.execute(query).scalar_one_or_none()
    return None if data is None else restore(Assignment, json.loads(data))


def newest_job(store: Store, repository: str, target: str) -> str | None:
    query = select(targets.c.job_id).where(
        targets.c.repository == repository, targets.c.target == target
    )
    with reading(store.engine) as connection:
        return connection.execute(query).scalar_one_or_none()


def job_of_push(store: Store, repository: str, commit: str) -> str | None:
    """The job that put a commit on a branch of ours; None where none did."""
    query = (
        select(effects.c.job_id)
        .join(assignments, assignments.c.job_id == effects.c.job_id)
        .where(
            assignments.c.repository == repository,
            effects.c.key.startswith(PUSH_EFFECT_PREFIX),
            effects.c.value == commit,
        )
        .limit(1)
    )
    with reading(store.engine) as connection:
        return connection.execute(query).scalar_one_or_none()


def pushed_patch(store: Store, repository: str, commit: str) -> str | None:
    """The patch that is in a commit of ours; None where the store has it no more."""
    job_id = job_of_push(store, repository, commit)
    result = None if job_id is None else store.result(job_id)
    return None if result is None else result.patch


def reviewed_patches(store: Store, repository: str, branch: str) -> list[str]:
    """The patches on a branch of ours that rounds were asked to replace by reviews, each once."""
    query = select(assignments.c.data).where(
        assignments.c.repository == repository, assignments.c.branch == branch
    )
    with reading(store.engine) as connection:
        rounds = [
            restore(Assignment, json.loads(data)) for data in connection.execute(query).scalars()
        ]
    commits = dict.fromkeys(
        one.replaces for one in rounds if one.cause is Cause.REVIEW and one.replaces is not None
    )
    patches = (pushed_patch(store, repository, commit) for commit in commits)
    return list(dict.fromkeys(patch for patch in patches if patch))


def pushed_to(store: Store, repository: str, branch: str) -> frozenset[str]:
    """Commits this service itself put on a branch, in whichever round."""
    query = (
        select(effects.c.value)
        .join(assignments, assignments.c.job_id == effects.c.job_id)
        .where(
            assignments.c.repository == repository,
            assignments.c.branch == branch,
            effects.c.key.startswith(PUSH_EFFECT_PREFIX),
            effects.c.completed_at.is_not(None),
        )
    )
    with reading(store.engine) as connection:
        return frozenset(connection.execute(query).scalars())
