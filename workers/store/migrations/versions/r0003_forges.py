"""Deliveries of other forges stand beside GitHub's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_forges"
down_revision = "0002_github"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("forge", sa.Text, nullable=False, server_default="github")
    op.add_column("github_deliveries", column)
    for name, order in (("due", "due_at"), ("newest", "received_at")):
        op.drop_index(f"github_deliveries_{name}", "github_deliveries")
        op.create_index(f"github_deliveries_{name}", "github_deliveries", ["forge", order])
