"""Tables of the forges, beside those of the queue; they have the name of the first forge."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from workers.store.clock import Instant
from workers.store.tables import metadata

deliveries = Table(
    "github_deliveries",
    metadata,
    Column("id", Text, primary_key=True),  # e.g. X-GitHub-Delivery
    Column("forge", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the body
    Column("event", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("actor", Text),
    Column("trigger", Text),  # the Trigger as JSON; NULL asks for nothing
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("job_id", Text),  # kept when the job is pruned
    Column("attempts", Integer, nullable=False, default=0),
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant),  # NULL: nothing is left to do
)
Index("github_deliveries_due", deliveries.c.forge, deliveries.c.due_at)
Index("github_deliveries_newest", deliveries.c.forge, deliveries.c.received_at)

targets = Table(
    "github_targets",
    metadata,
    Column("repository", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("job_id", Text),  # the newest job for it
)

assignments = Table(
    "github_assignments",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("repository", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("data", Text, nullable=False),  # the Assignment as JSON
)
Index("github_assignments_of_branch", assignments.c.repository, assignments.c.branch)
