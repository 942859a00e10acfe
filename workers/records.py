"""Records of the queue. All are frozen and plain data; all times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from agent.records import RepairJob, Status
from workers.errors import BadRequest

MAX_NAME_CHARACTERS = 500
"""Characters of a repository's name, an owner or an idempotency key."""


class JobState(StrEnum):
    """The state of a job in the queue. Live: the first three."""

    QUEUED = "queued"  # a worker may claim it now
    RUNNING = "running"  # a worker holds its lease
    WAITING = "waiting"  # claimable from `not_before`, e.g. while the model is down
    ENDED = "ended"  # the repair came to its end; `outcome` says which
    CANCELLED = "cancelled"  # by its owner, or its deadline passed
    DEAD = "dead"  # the dead letter: it failed too often; `reason` says how


LIVE_STATES = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)


class Queue(StrEnum):
    """A queue of its own, so that a night's batch never stands before a person."""

    INTERACTIVE = "interactive"  # somebody waits for the answer
    BACKGROUND = "background"  # batches, scheduled work


class Topic(StrEnum):
    """What an outbox row asks the broker to carry."""

    RUN = "run"  # a worker should look for a job
    PUBLISH = "publish"  # the job's state should be shown where it came from


PUBLISHED_ORIGINS = frozenset({"github", "gitlab", "gitea"})
"""Jobs from there want every change of state shown there."""


STAGE_KIND = "stage_started"
"""Kind of the event with which a stage of the run begins."""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A repair job as it is submitted to the store.

    Raises BadRequest where a name cannot be stored.
    """

    repair: RepairJob
    repository: str
    """A normalised name; fairness and limits go by it."""
    queue: Queue = Queue.INTERACTIVE
    origin: str = "cli"
    """`cli`, `api` or the name of a forge."""
    owner: str = ""
    """Who may see and cancel it."""
    idempotency_key: str | None = None
    """The same key again returns the job that is there."""
    deadline_seconds: float | None = None
    """From its acceptance; then it is cancelled, the best patch so far kept."""

    def __post_init__(self) -> None:
        for name in ("repository", "origin", "owner", "idempotency_key"):
            value = getattr(self, name) or ""
            if len(value) > MAX_NAME_CHARACTERS or not value.isprintable():
                raise BadRequest(f"{name} is longer than {MAX_NAME_CHARACTERS} or not printable")
        if not self.repository:
            raise BadRequest("a job needs the name of its repository")
        if self.deadline_seconds is not None and not 0 < self.deadline_seconds < 1e9:
            raise BadRequest("deadline_seconds must be a positive number")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a job has used so far."""

    tokens: int = 0
    gpu_seconds: float = 0.0
    candidates_tried: int = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """A repair job as the store holds it."""

    id: str
    """Also the run's id and the thread of its checkpoints."""
    request: JobRequest
    state: JobState
    outcome: Status | None
    reason: str
    """One sentence for people; empty while there is nothing to say."""
    attempts: int
    """Claims by workers."""
    crashes: int
    """Of workers and their machines, since the submission or the last retry."""
    waits: int
    """How often it was put off, since the submission or the last retry."""
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    not_before: datetime | None
    deadline_at: datetime | None
    worker: str | None
    """Who holds it, or held it last."""
    tokens: int
    gpu_seconds: float
    candidates_tried: int
    merged: bool | None = None
    """Whether its pull request was merged when it was closed; None where none was closed."""


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs are asked for. What is None or empty leaves none out."""

    states: Collection[JobState] | None = None
    outcomes: Collection[Status] | None = None
    repository: str | None = None
    owner: str | None = None
    words: str = ""
    """A part of the repository's name or of the job's id, in any case."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    job: Job
    created: bool
    """False: the idempotency key was known, this is the earlier job."""


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event before the store gives it a number."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    job_id: str
    seq: int
    """1, 2, 3 … within the job."""
    at: datetime
    kind: str
    """`queued`, `started`, `requeued`, `ended`, …, and the agent's events: `stage_started`, …"""
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to work on a job, until `expires_at` or the next heartbeat."""

    job: Job
    fence: int
    """Grows with every claim. A write with an older one is refused."""
    worker: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class LeaseRenewal:
    cancel_requested: bool
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    result_json: str
    """The file `result.json` of the run."""
    patch: str | None
    """Bytes that are no UTF-8 are surrogate escapes: encode it with
    `agent.patches.changes.diff_bytes`."""


class EffectState(StrEnum):
    NEW = "new"  # recorded by this call: do it now
    BUSY = "busy"  # somebody began it a moment ago: come back later
    UNKNOWN = "unknown"  # begun, never completed: look outside before doing it again
    DONE = "done"  # `value` is what it gave


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A side effect that must happen once, e.g. opening a pull request."""

    key: str
    job_id: str
    state: EffectState
    value: str | None


@dataclass(frozen=True, kw_only=True)
class OutboxEntry:
    topic: Topic
    job_id: str
    queue: Queue
    version: int
    """Grows when the same is asked for again before it was done."""
    attempts: int
