"""Deliveries of GitHub, the newest job of each target, and what each job was taken on for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workers.store.clock import Instant

revision = "0002_github"
down_revision = "0001_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "github_deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("trigger", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("due_at", Instant),
    )
    op.create_index("github_deliveries_due", "github_deliveries", ["due_at"])
    op.create_index("github_deliveries_newest", "github_deliveries", ["received_at"])
    op.create_table(
        "github_targets",
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("job_id", sa.Text),
    )
    op.create_table(
        "github_assignments",
        sa.Column(
            "job_id", sa.Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("github_assignments_of_branch", "github_assignments", ["repository", "branch"])
