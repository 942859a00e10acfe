"""What a user sees of a job: the same record from the store, over HTTP, and on the page."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from agent.records import Status
from agent.wording import duration
from workers.records import LIVE_STATES, Job, JobState, Queue
from workers.store.scheduling.eta import TimeLeft


class JobView(BaseModel):
    """A job with its place in the queue and a guess at its end."""

    model_config = ConfigDict(extra="ignore", frozen=True)  # a newer server may say more

    id: str
    state: JobState
    outcome: Status | None
    """How the repair ended; null before."""
    reason: str
    target: str
    at: str | None
    repository: str
    queue: Queue
    origin: str
    owner: str
    attempts: int
    crashes: int
    cancel_requested: bool
    max_seconds: float
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    not_before: datetime | None
    position: int | None
    """1 is next; null for a job that does not wait."""
    eta_seconds: float | None
    """Until it ends, from recent jobs: the middle of the guess; null where that is unknown."""
    eta_low_seconds: float | None = None
    """Half of the jobs end between this and `eta_high_seconds`."""
    eta_high_seconds: float | None = None
    places: int | None = None
    """Jobs that the workers can run side by side, 0 without a worker; null for one that does not
    wait."""
    tokens: int
    gpu_seconds: float
    candidates_tried: int
    merged: bool | None = None
    """Whether its pull request was merged when it was closed; null where none was closed."""

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def left(self) -> str:
        """Time until its end, in words; empty once it has ended."""
        if not self.live:
            return ""
        if self.eta_seconds is None:
            return "unknown"
        if self.eta_low_seconds is None or self.eta_high_seconds is None:  # of an older server
            return f"~{duration(self.eta_seconds)}"
        low, high = duration(self.eta_low_seconds), duration(self.eta_high_seconds)
        return f"~{low}" if low == high else f"{low} to {high}"

    @property
    def fate(self) -> str:
        """Of its pull request, in words; empty while that is open, or where there is none."""
        if self.merged is None:
            return ""
        return "merged" if self.merged else "closed without merging"


class JobList(BaseModel):
    """One page of jobs, newest first."""

    jobs: list[JobView]
    next: str | None
    """Give it as `before` for the next page; null on the last one."""


class Accepted(BaseModel):
    """The answer to a submitted job, and whether it is new."""

    job: JobView
    created: bool
    """False: the idempotency key was known, and this is the earlier job."""


class EventView(BaseModel):
    """One event of a job."""

    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]

    def to_json(self) -> str:
        """One line of ASCII: what a repository's text holds (U+2028, which readers of lines take
        for an end of one; a terminal's controls; half surrogates of a file name) is escaped."""
        fields = self.model_dump(mode="json", exclude={"data"})
        return json.dumps({**fields, "data": self.data})

    @classmethod
    def from_json(cls, text: str) -> EventView:
        """Raises ValueError where it is none. Pydantic's own reader takes no half surrogates."""
        return cls.model_validate(json.loads(text))


def view_of(
    job: Job, position: int | None, time_left: TimeLeft | None, places: int | None = None
) -> JobView:
    repair = job.request.repair
    return JobView(
        id=job.id,
        state=job.state,
        outcome=job.outcome,
        reason=job.reason,
        target=repair.target,
        at=repair.at,
        repository=job.request.repository,
        queue=job.request.queue,
        origin=job.request.origin,
        owner=job.request.owner,
        attempts=job.attempts,
        crashes=job.crashes,
        cancel_requested=job.cancel_requested,
        max_seconds=repair.budget.max_seconds,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        not_before=job.not_before,
        position=position,
        eta_seconds=None if time_left is None else time_left.middle,
        eta_low_seconds=None if time_left is None else time_left.low,
        eta_high_seconds=None if time_left is None else time_left.high,
        places=places,
        tokens=job.tokens,
        gpu_seconds=job.gpu_seconds,
        candidates_tried=job.candidates_tried,
        merged=job.merged,
    )
