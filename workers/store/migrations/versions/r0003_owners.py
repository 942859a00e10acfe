"""Turns and limits go by owner, and idempotency keys of different owners cannot meet."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

from workers.store.clock import Instant

revision = "0003_owners"
down_revision = "0002_web"
branch_labels = None
depends_on = None

LIVE_ONLY = sa.text("state IN ('queued', 'running', 'waiting')")
PREFIXED = ("api", "cli")
"""Origins whose keys were written with the owner and a colon before them."""


def upgrade() -> None:
    op.create_table(
        "turns",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),
        sa.Column("served_at", Instant),
    )
    op.drop_table("repositories")
    op.drop_index("jobs_of_repository", "jobs")
    op.create_index("jobs_of_owner", "jobs", ["owner", "repository", "state"])
    op.drop_index("jobs_live", "jobs")
    op.create_index(
        "jobs_live",
        "jobs",
        ["state", "queue", "owner", "repository", "queued_at"],
        sqlite_where=LIVE_ONLY,
        postgresql_where=LIVE_ONLY,
    )
    scope_keys()


def scope_keys() -> None:
    connection = op.get_bind()
    jobs = sa.table(
        "jobs",
        *(sa.column(name, sa.Text) for name in ("id", "origin", "owner", "idempotency_key")),
    )
    keyed_jobs = sa.select(jobs).where(jobs.c.idempotency_key.is_not(None))
    for row in connection.execute(keyed_jobs).all():
        prefix = f"{row.owner}:" if row.origin in PREFIXED else ""
        parts = [row.origin, row.owner, row.idempotency_key.removeprefix(prefix)]
        new_key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        statement = sa.update(jobs).where(jobs.c.id == row.id)
        connection.execute(statement.values(idempotency_key=new_key))
