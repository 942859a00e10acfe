"""The list of jobs: which of them, as its address says, and a row for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query

from agent.records import Status
from workers.errors import BadRequest
from workers.jobs.view import JobView
from workers.records import LIVE_STATES, JobFilter, JobState
from workers.web.auth.access import Caller
from workers.web.pages.origin import Origin, origins
from workers.web.pages.templates import fragment
from workers.web.service import Service

MAX_ROWS = 50
LIST_PARTS = ("counts", "rows")
LIVE = "live"
"""In a state's place: all that has not ended."""
CONTROLS = r"^[^\x00-\x1f\x7f]*$"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the address of a list asks for."""

    state: str = ""
    """A state, an outcome, or LIVE; empty for all."""
    words: str = ""
    before: str | None = None

    def query(self, **changes: str | None) -> str:
        """Of the address of the list with these changes; empty where nothing is asked for."""
        wanted = replace(self, **changes)  # type: ignore[arg-type]
        fields = {"state": wanted.state, "q": wanted.words, "before": wanted.before}
        pairs = urlencode({name: value for name, value in fields.items() if value})
        return f"?{pairs}" if pairs else ""

    def job_filter(self, owner: str | None) -> JobFilter:
        """Raises BadRequest for a word that is no state."""
        job_filter = JobFilter(owner=owner, words=self.words.strip())
        if self.state == LIVE:
            return replace(job_filter, states=LIVE_STATES)
        if self.state in set(JobState):
            return replace(job_filter, states=[JobState(self.state)])
        if self.state in set(Status):
            return replace(job_filter, outcomes=[Status(self.state)])
        if self.state:
            raise BadRequest(f"there is no state {self.state!r}")
        return job_filter


def selection(
    state: Annotated[str, Query(max_length=40, pattern=r"^[a-z_]*$")] = "",
    q: Annotated[str, Query(max_length=200, pattern=CONTROLS)] = "",
    before: Annotated[str | None, Query(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")] = None,
) -> Selection:
    return Selection(state=state, words=q, before=before)


Selected = Annotated[Selection, Depends(selection)]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One job of the list."""

    job: JobView
    stage: str
    """Of a running job; empty before the first one, and for the others."""
    seconds: float | None
    """Since its start, up to its end; None before."""
    origin: Origin | None


@dataclass(frozen=True, kw_only=True)
class Link:
    """A filter as a link: jobs in one state."""

    word: str
    number: int
    address: str
    chosen: bool


def list_values(service: Service, caller: Caller, chosen: Selection) -> dict[str, Any]:
    """What the templates of the list read."""
    owner = None if caller.sees_all else caller.owner
    job_filter = chosen.job_filter(owner)
    jobs = service.overview.jobs_of(job_filter, MAX_ROWS, chosen.before)
    numbers = service.store.counts_by_ending(owner)
    total = sum(numbers.values())
    rows = _rows(service, jobs)
    is_full = len(rows) == MAX_ROWS
    return {
        "rows": rows,
        "links": _links(chosen, numbers, total),
        "total": total,
        "others": 0 if owner is None else sum(service.store.counts().values()) - total,
        "newest": chosen.query(before=None) if chosen.before else None,
        "older": chosen.query(before=rows[-1].job.id) if is_full else None,
        "chosen": chosen,
        "now": datetime.now(UTC),
        "caller": caller,
    }


def list_parts(service: Service, caller: Caller, chosen: Selection) -> dict[str, str]:
    """Name of a part → its HTML."""
    values = list_values(service, caller, chosen)
    return {name: fragment(f"list/{name}.html", **values) for name in LIST_PARTS}


def _rows(service: Service, jobs: list[JobView]) -> list[Row]:
    running_ids = [job.id for job in jobs if job.state is JobState.RUNNING]
    stages = service.store.stages(running_ids) if running_ids else {}
    found_origins = origins(service.store, service.forges, jobs)
    return [
        Row(
            job=job,
            stage=stages.get(job.id, ""),
            seconds=run_seconds(job),
            origin=found_origins.get(job.id),
        )
        for job in jobs
    ]


def run_seconds(job: JobView) -> float | None:
    """How long a job has run, or ran; None before its start."""
    if job.started_at is None:
        return None
    return max(0.0, ((job.ended_at or datetime.now(UTC)) - job.started_at).total_seconds())


def _links(
    chosen: Selection, numbers: Mapping[tuple[JobState, Status | None], int], total: int
) -> list[Link]:
    """All, the live ones by state, then those that ended by how, without the empty ones."""
    words: dict[str, int] = {"": total}
    for state in JobState:
        count = sum(number for (one, _), number in numbers.items() if one is state)
        if state is not JobState.ENDED and (count or state in LIVE_STATES[:2]):
            words[state] = count
    for status in Status:
        count = numbers.get((JobState.ENDED, status), 0)
        if count:
            words[status] = words.get(status, 0) + count
    if chosen.state:
        words.setdefault(chosen.state, 0)
    return [
        Link(
            word=word,
            number=number,
            address="/" + chosen.query(state=word, before=None),
            chosen=word == chosen.state,
        )
        for word, number in words.items()
    ]
