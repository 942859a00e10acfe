"""Alembic revisions of the service's schema. `workers.database.migrate` runs them."""
