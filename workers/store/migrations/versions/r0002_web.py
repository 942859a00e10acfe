"""Tokens of the job API, which workers are there, and an index for the metrics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workers.store.clock import Instant

revision = "0002_web"
down_revision = "0001_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("revoked_at", Instant),
    )
    op.create_table(
        "worker_presence",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("queues", sa.Text, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("sandbox", sa.Text, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
    )
    op.create_index("jobs_ended", "jobs", ["ended_at"])
