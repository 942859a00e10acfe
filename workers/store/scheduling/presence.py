"""Which workers take jobs now.

A worker writes its row each time it has sent Celery's heartbeat. That comes from the loop that
takes messages off the queues, and stops with it: a worker that answers `ping` and consumes
nothing, which Celery knows, falls silent here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from workers.records import Queue
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert, reading, writing
from workers.store.rows import storable
from workers.store.tables import worker_presence

SILENT_AFTER_SECONDS = 60.0
"""A worker that was not seen for this long counts as gone."""
FORGET_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One worker, as it last described itself."""

    name: str
    seen_at: datetime
    queues: frozenset[Queue]
    slots: int
    """Jobs it runs side by side."""
    sandbox: str
    """The kind that works there; empty without one."""
    trouble: str
    """Why there is no sandbox."""


class Presence:
    """The table of workers that announced themselves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def report(
        self, name: str, queues: Collection[Queue], slots: int, sandbox: str, trouble: str
    ) -> None:
        """Record that a worker takes jobs of these queues."""
        row = {
            "name": name,
            "seen_at": database_now(),
            "queues": " ".join(sorted(queues)),
            "slots": slots,
            "sandbox": sandbox,
            "trouble": storable(trouble),
        }
        is_forgotten = worker_presence.c.seen_at < seconds_from_now(-FORGET_AFTER_SECONDS)
        with writing(self._engine) as connection:
            new = insert(connection, worker_presence).values(row)
            connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=row))
            connection.execute(worker_presence.delete().where(is_forgotten))

    def leave(self, name: str) -> None:
        """Record that a worker takes no more jobs."""
        with writing(self._engine) as connection:
            connection.execute(worker_presence.delete().where(worker_presence.c.name == name))

    def here(self) -> list[Worker]:
        """The workers that announced themselves within SILENT_AFTER_SECONDS."""
        recent = worker_presence.c.seen_at > seconds_from_now(-SILENT_AFTER_SECONDS)
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(worker_presence).where(recent).order_by(worker_presence.c.name)
            ).all()
        return [
            Worker(
                name=row.name,
                seen_at=row.seen_at,
                queues=frozenset(Queue(queue) for queue in row.queues.split()),
                slots=row.slots,
                sandbox=row.sandbox,
                trouble=row.trouble,
            )
            for row in rows
        ]
