"""What became of the pull request of each job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_merged"
down_revision = "0003_owners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("merged", sa.Boolean))
