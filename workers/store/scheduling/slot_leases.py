"""Places at a model: so many generations are in flight at one URL, over all workers.

In SQL rather than in Redis: a generation takes seconds, so that two small writes cost nothing
beside it, and a Redis that was wiped must not double the load on the GPU.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, or_, select, update

from workers.records import Claim
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert
from workers.store.tables import model_slots


def take(
    connection: Connection, claim: Claim, model_url: str, slots: int, seconds: float
) -> int | None:
    """Take a free slot of a model for so many seconds; its number, or None."""
    _make(connection, model_url, slots)
    free = (
        select(model_slots.c.number)
        .where(
            model_slots.c.model_url == model_url,
            model_slots.c.number < slots,
            or_(model_slots.c.expires_at.is_(None), model_slots.c.expires_at < database_now()),
        )
        .order_by(model_slots.c.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    number = connection.execute(free).scalar()
    if number is not None:
        connection.execute(
            update(model_slots)
            .where(model_slots.c.model_url == model_url, model_slots.c.number == number)
            .values(holder=_holder(claim), expires_at=seconds_from_now(seconds))
        )
    return number


def keep(connection: Connection, claim: Claim, seconds: float) -> None:
    """Extend the leases of a claim's slots, with each heartbeat."""
    is_held = model_slots.c.holder == _holder(claim)
    expires_at = seconds_from_now(seconds)
    connection.execute(update(model_slots).where(is_held).values(expires_at=expires_at))


def free(connection: Connection, claim: Claim, model_url: str, slot: int) -> None:
    is_slot = and_(
        model_slots.c.model_url == model_url,
        model_slots.c.number == slot,
        model_slots.c.holder == _holder(claim),
    )
    connection.execute(update(model_slots).where(is_slot).values(holder=None, expires_at=None))


def _make(connection: Connection, model_url: str, slots: int) -> None:
    is_last = and_(model_slots.c.model_url == model_url, model_slots.c.number == slots - 1)
    if connection.execute(select(model_slots.c.number).where(is_last)).scalar() is None:
        rows = [{"model_url": model_url, "number": number} for number in range(slots)]
        connection.execute(insert(connection, model_slots).on_conflict_do_nothing(), rows)


def _holder(claim: Claim) -> str:
    return f"{claim.job.id}/{claim.fence}"
