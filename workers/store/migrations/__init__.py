"""Alembic revisions of the service's schema. `workers.store.database.migrate` runs them."""
