"""Where on a forge a job came from, and where its patch went, as links."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import select

from workers.forges.errors import ForgeError
from workers.forges.forge import Forge
from workers.forges.tables import assignments
from workers.jobs.view import JobView
from workers.store.database import reading
from workers.store.store import Store
from workers.store.tables import effects


@dataclass(frozen=True, kw_only=True)
class Place:
    """An issue or a pull request."""

    label: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The places of one job; each is None where there is none."""

    asked_at: Place | None
    """Issue or pull request that the repair was asked for on."""
    proposed: Place | None
    """Pull request with the patch."""


def origins(
    store: Store, forges: Mapping[str, Forge], jobs: Collection[JobView]
) -> Mapping[str, Origin]:
    """Job → its places, of the jobs that came from one of the forges."""
    forge_by_job = {job.id: forges[job.origin] for job in jobs if job.origin in forges}
    if not forge_by_job:
        return {}
    query = select(assignments.c.job_id, assignments.c.data)
    query = query.where(assignments.c.job_id.in_(forge_by_job))
    done = select(effects.c.job_id, effects.c.key, effects.c.value).where(
        effects.c.job_id.in_(forge_by_job), effects.c.completed_at.is_not(None)
    )
    with reading(store.engine) as connection:
        rows = connection.execute(query).all()
        values = {(row.job_id, row.key): str(row.value) for row in connection.execute(done)}
    found = {}
    for job_id, data in rows:
        forge, assignment = forge_by_job[job_id], json.loads(data)
        # As the publisher names the opening of a pull request.
        key = f"{forge.name} pull {assignment['repository']} {assignment['branch']}"
        found[job_id] = _origin(forge, assignment, values.get((job_id, key)))
    return found


def _origin(forge: Forge, assignment: Mapping[str, object], pull_number: str | None) -> Origin:
    number, repository = assignment.get("number"), str(assignment["repository"])
    asked_at = proposed = None
    if number is not None:
        asked_at = _place(forge, repository, str(number), is_pull=bool(assignment["is_pull"]))
    if pull_number is not None:
        proposed = _place(forge, repository, pull_number, is_pull=True)
    return Origin(asked_at=asked_at, proposed=proposed)


def _place(forge: Forge, repository: str, number: str, *, is_pull: bool) -> Place | None:
    """None where the forge has another address now."""
    words = forge.wording
    try:
        site = quote(forge.clone_url(repository).removesuffix(".git"), safe="/:@[]%")
    except ForgeError:
        return None
    path = words.pull_path if is_pull else words.issue_path
    label = f"{words.pull} {words.pull_sign}{number}" if is_pull else f"#{number}"
    return Place(label=label, address=f"{site}/{path}/{quote(number)}")
