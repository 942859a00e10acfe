"""What Alembic runs: the revisions, inside the transaction `store.database.migrate` opened."""

from __future__ import annotations

from alembic import context

from workers.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
