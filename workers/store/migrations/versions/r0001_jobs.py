"""Jobs, their events and results, the outbox, and what guards side effects and the model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workers.store.clock import Instant

revision = "0001_jobs"
down_revision = None
branch_labels = None
depends_on = None

LIVE_ONLY = sa.text("state IN ('queued', 'running', 'waiting')")


def upgrade() -> None:
    _jobs()
    op.create_table(
        "repositories",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("served_at", Instant),
    )
    op.create_table(
        "events",
        _job_id(key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table(
        "results",
        _job_id(key=True),
        sa.Column("result_json", sa.Text, nullable=False),
        sa.Column("patch", sa.LargeBinary),
    )
    op.create_table(
        "outbox",
        sa.Column("topic", sa.Text, primary_key=True),
        _job_id(key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
    )
    op.create_index("outbox_due", "outbox", ["due_at"])
    op.create_table(
        "effects",
        sa.Column("key", sa.Text, primary_key=True),
        _job_id(key=False),
        sa.Column("value", sa.Text),
        sa.Column("begun_at", Instant, nullable=False),
        sa.Column("completed_at", Instant),
    )
    op.create_index("effects_of_job", "effects", ["job_id"])
    op.create_table(
        "model_slots",
        sa.Column("model_url", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("holder", sa.Text),
        sa.Column("expires_at", Instant),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("waits", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("queued_at", Instant, nullable=False),
        sa.Column("started_at", Instant),
        sa.Column("ended_at", Instant),
        sa.Column("not_before", Instant),
        sa.Column("deadline_at", Instant),
        sa.Column("worker", sa.Text),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("lease_expires_at", Instant),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("gpu_seconds", sa.Double, nullable=False),
        sa.Column("candidates_tried", sa.Integer, nullable=False),
    )
    op.create_index("jobs_newest", "jobs", ["created_at", "id"])
    op.create_index("jobs_of_repository", "jobs", ["repository", "state"])
    op.create_index(
        "jobs_live",
        "jobs",
        ["state", "queue", "repository", "queued_at"],
        sqlite_where=LIVE_ONLY,
        postgresql_where=LIVE_ONLY,
    )


def _job_id(*, key: bool) -> sa.Column[str]:
    link = sa.ForeignKey("jobs.id", ondelete="CASCADE")
    return sa.Column("job_id", sa.Text, link, primary_key=key, nullable=False)
