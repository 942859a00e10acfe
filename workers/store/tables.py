"""Tables of the service. SQLite and PostgreSQL hold the same."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from workers.store.clock import Instant

metadata = MetaData()

LIVE_ONLY = text("state IN ('queued', 'running', 'waiting')")

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request", Text, nullable=False),  # the JobRequest as JSON
    Column("repository", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("idempotency_key", Text, unique=True),  # digest of origin, owner and key
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    Column("reason", Text, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("crashes", Integer, nullable=False, default=0),
    Column("waits", Integer, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("queued_at", Instant, nullable=False),  # its place in the queue; kept when requeued
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("not_before", Instant),
    Column("deadline_at", Instant),
    Column("worker", Text),
    Column("fence", Integer, nullable=False, default=0),
    Column("lease_expires_at", Instant),
    Column("events", Integer, nullable=False, default=0),  # the last event's number
    Column("tokens", Integer, nullable=False, default=0),
    Column("gpu_seconds", Double, nullable=False, default=0.0),
    Column("candidates_tried", Integer, nullable=False, default=0),
    Column("merged", Boolean),  # its pull request, once that was closed
)
Index("jobs_newest", jobs.c.created_at, jobs.c.id)
Index(
    "jobs_live",
    jobs.c.state,
    jobs.c.queue,
    jobs.c.owner,
    jobs.c.repository,
    jobs.c.queued_at,
    sqlite_where=LIVE_ONLY,
    postgresql_where=LIVE_ONLY,
)
Index("jobs_of_owner", jobs.c.owner, jobs.c.repository, jobs.c.state)
Index("jobs_ended", jobs.c.ended_at)

ALL_REPOSITORIES = ""
"""In a repository's place: the turn of its owner."""
turns = Table(
    "turns",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("served_at", Instant),  # when one of its jobs was last claimed
)

events = Table(
    "events",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON
)

results = Table(
    "results",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("result_json", Text, nullable=False),
    Column("patch", LargeBinary),
)

outbox = Table(
    "outbox",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
)
Index("outbox_due", outbox.c.due_at)

effects = Table(
    "effects",
    metadata,
    Column("key", Text, primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("value", Text),
    Column("begun_at", Instant, nullable=False),
    Column("completed_at", Instant),
)
Index("effects_of_job", effects.c.job_id)

model_slots = Table(
    "model_slots",
    metadata,
    Column("model_url", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("holder", Text),
    Column("expires_at", Instant),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),  # public; names the token in lists
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),  # words with blanks between
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

worker_presence = Table(
    "worker_presence",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Column("queues", Text, nullable=False),  # words with blanks between
    Column("slots", Integer, nullable=False),
    Column("sandbox", Text, nullable=False),  # empty: none works there
    Column("trouble", Text, nullable=False),
)
