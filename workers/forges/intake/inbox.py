"""Deliveries that came in: recorded once each, worked off until nothing is left to do.

The table is the outbox of the webhook: a request is answered as soon as its row is there, and
whoever works on it later may die at any point.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from agent.serialization import plain, restore
from workers.forges.intake.targets import record_merged
from workers.forges.tables import deliveries
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery, PullEnded, Trigger
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert, reading, writing
from workers.store.rows import storable
from workers.store.store import Store

MAX_HANDLING_SECONDS = 900.0
"""How long one attempt may take (fetching a large repository) before another one starts."""
MAX_ATTEMPTS = 12
MAX_PAUSE_SECONDS = 1800.0


class Outcome(StrEnum):
    """The outcome of a webhook delivery."""

    WAITING = "waiting"  # something is to be done about it
    STARTED = "started"  # a job was made
    JOINED = "joined"  # a job for the target is live, or was there for the commit
    ANSWERED = "answered"  # a command other than repair
    REFUSED = "refused"  # whoever asked may not
    IGNORED = "ignored"  # it asks for nothing
    FAILED = "failed"  # given up after many attempts


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A recorded delivery as `repair forge status` lists it."""

    delivery_id: str
    event: str
    repository: str
    actor: str | None
    outcome: Outcome
    reason: str
    job_id: str | None
    attempts: int
    received_at: datetime


class Inbox:
    """The webhook deliveries of one forge."""

    def __init__(self, store: Store, forge: str) -> None:
        self._engine = store.engine
        self._forge = forge

    def record(self, delivery: Delivery, meaning: Trigger | IgnoredDelivery) -> bool:
        """Record a delivery; False when it is there already. Raises StoreUnavailable."""
        return self.record_all([(delivery, meaning)])[0]

    def record_all(
        self, arrivals: Sequence[tuple[Delivery, Trigger | IgnoredDelivery]]
    ) -> list[bool]:
        """`record` for several, in one transaction."""
        with writing(self._engine) as connection:
            return [self._record(connection, *arrival) for arrival in arrivals]

    def due(self, limit: int = 50) -> list[str]:
        """Ids of deliveries to work on now, oldest first."""
        query = (
            select(deliveries.c.id)
            .where(self._is_ours(), deliveries.c.due_at <= database_now())
            .order_by(deliveries.c.received_at)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def take(self, delivery_id: str) -> Trigger | None:
        """The trigger, held for this process; None when somebody else has it or it is done."""
        statement = (
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.due_at <= database_now())
            .values(
                attempts=deliveries.c.attempts + 1,
                due_at=seconds_from_now(MAX_HANDLING_SECONDS),
            )
            .returning(deliveries.c.trigger)
        )
        with writing(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else restore(Trigger, json.loads(row.trigger))

    def settle(self, delivery_id: str, outcome: Outcome, reason: str) -> None:
        with writing(self._engine) as connection:
            settle_in(connection, delivery_id, outcome, reason)

    def is_last_attempt(self, delivery_id: str) -> bool:
        """Whether `put_off` would give up now."""
        with reading(self._engine) as connection:
            return _attempts(connection, delivery_id) >= MAX_ATTEMPTS

    def put_off(self, delivery_id: str, reason: str, seconds: float | None = None) -> None:
        """Try again later, each time after twice as long; give up after MAX_ATTEMPTS."""
        with writing(self._engine) as connection:
            attempts = _attempts(connection, delivery_id)
            if attempts >= MAX_ATTEMPTS:
                settle_in(connection, delivery_id, Outcome.FAILED, reason)
                return
            pause = seconds if seconds is not None else min(MAX_PAUSE_SECONDS, 2.0**attempts)
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id == delivery_id)
                .values(due_at=seconds_from_now(pause), reason=storable(reason))
            )

    def newest(self, limit: int = 50) -> list[Entry]:
        newest_first = select(deliveries).order_by(deliveries.c.received_at.desc())
        query = newest_first.where(self._is_ours()).limit(limit)
        with reading(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query)]

    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Which of these deliveries arrived."""
        query = select(deliveries.c.id).where(deliveries.c.id.in_(ids))
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def prune(self, days: float) -> int:
        """Forget what was received longer ago and is done with."""
        is_old = deliveries.c.received_at < seconds_from_now(-days * 86_400)
        with writing(self._engine) as connection:
            is_done = deliveries.c.due_at.is_(None)
            statement = delete(deliveries).where(self._is_ours(), is_old, is_done)
            return connection.execute(statement).rowcount

    def _is_ours(self) -> ColumnElement[bool]:
        return deliveries.c.forge == self._forge

    def _record(
        self, connection: Connection, delivery: Delivery, meaning: Trigger | IgnoredDelivery
    ) -> bool:
        values = {"forge": self._forge, **_row(delivery, meaning)}
        insertion = insert(connection, deliveries).values(
            **values, attempts=0, received_at=database_now()
        )
        statement = insertion.on_conflict_do_nothing().returning(deliveries.c.id)
        is_new = connection.execute(statement).first() is not None
        if is_new and isinstance(meaning, PullEnded):
            record_merged(connection, delivery.repository, meaning)
        return is_new


def _row(delivery: Delivery, meaning: Trigger | IgnoredDelivery) -> dict[str, object]:
    values: dict[str, object] = {
        "id": delivery.delivery_id,
        "digest": delivery.digest,
        "event": f"{delivery.event}.{delivery.action}".rstrip("."),
        "repository": delivery.repository,
    }
    if isinstance(meaning, Trigger):
        values |= {
            "actor": meaning.actor,
            "trigger": json.dumps(plain(meaning)),
            "outcome": Outcome.WAITING,
            "reason": "",
            "due_at": database_now(),
        }
    else:
        values |= {"outcome": Outcome.IGNORED, "reason": meaning.reason}
    for key in ("event", "repository", "reason"):
        values[key] = storable(str(values[key]))[:500]
    return values


def _attempts(connection: Connection, delivery_id: str) -> int:
    query = select(deliveries.c.attempts).where(deliveries.c.id == delivery_id)
    attempts: int = connection.execute(query).scalar_one()
    return attempts


def settle_in(
    connection: Connection,
    delivery_id: str,
    outcome: Outcome,
    reason: str,
    job_id: str | None = None,
) -> None:
    """Record the outcome of a delivery about which nothing is left to do."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(outcome=outcome, reason=storable(reason)[:500], job_id=job_id, due_at=None)
    )


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(
        delivery_id=row.id,
        event=row.event,
        repository=row.repository,
        actor=row.actor,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        job_id=row.job_id,
        attempts=row.attempts,
        received_at=row.received_at,
    )
