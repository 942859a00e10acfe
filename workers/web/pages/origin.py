"""Where on GitHub a job came from, and where its patch went, as links."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import select

from workers.github.tables import assignments
from workers.store.database import reading
from workers.store.store import Store
from workers.store.tables import effects

PULL_KEY = "github pull "
"""How the keys of the side effects that opened a pull request begin; the value is its number."""


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


def origins(store: Store, site: str, job_ids: Sequence[str]) -> Mapping[str, Origin]:
    """Job → its places, of the jobs that came from GitHub, whose pages are below `site`."""
    if not job_ids:
        return {}
    pulls = select(effects.c.job_id, effects.c.value).where(
        effects.c.job_id.in_(job_ids),
        effects.c.key.startswith(PULL_KEY, autoescape=True),
        effects.c.completed_at.is_not(None),
    )
    query = select(assignments.c.job_id, assignments.c.data).where(
        assignments.c.job_id.in_(job_ids)
    )
    with reading(store.engine) as connection:
        pull_numbers = {job_id: str(value) for job_id, value in connection.execute(pulls)}
        rows = connection.execute(query).all()
    return {
        job_id: _origin(site, json.loads(data), pull_numbers.get(job_id)) for job_id, data in rows
    }


def _origin(site: str, assignment: Mapping[str, object], pull_number: str | None) -> Origin:
    address = f"{site.rstrip('/')}/{quote(str(assignment['repository']))}"
    number = assignment.get("number")
    asked_at = None
    if number is not None:
        asked_at = _place(address, "pull" if assignment.get("is_pull") else "issues", str(number))
    proposed = None if pull_number is None else _place(address, "pull", pull_number)
    return Origin(asked_at=asked_at, proposed=proposed)


def _place(address: str, kind: str, number: str) -> Place:
    label = f"#{number}" if kind == "issues" else f"pull request #{number}"
    return Place(label=label, address=f"{address}/{kind}/{quote(number)}")
