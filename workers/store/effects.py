"""Side effects that must happen once: recorded before, completed after.

Between the two the process may die, so that a key that was begun and never completed means: look
in the outside world whether it happened, before doing it again.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from workers.records import Effect, EffectState
from workers.store.clock import database_now, seconds_from_now
from workers.store.database import insert
from workers.store.rows import storable
from workers.store.tables import effects

MAX_EFFECT_SECONDS = 60.0
"""A beginning younger than this may still be under way in another process."""


def begin(connection: Connection, key: str, job_id: str) -> Effect:
    insertion = insert(connection, effects).values(key=key, job_id=job_id, begun_at=database_now())
    # Not `rowcount`: psycopg gives -1 for an INSERT.
    statement = insertion.on_conflict_do_nothing().returning(effects.c.key)
    if connection.execute(statement).scalar() is not None:
        return Effect(key=key, job_id=job_id, state=EffectState.NEW, value=None)
    taken_over = (
        update(effects)
        .where(
            effects.c.key == key,
            effects.c.completed_at.is_(None),
            effects.c.begun_at < seconds_from_now(-MAX_EFFECT_SECONDS),
        )
        .values(begun_at=database_now())
    )
    if connection.execute(taken_over).rowcount:
        return Effect(key=key, job_id=job_id, state=EffectState.UNKNOWN, value=None)
    effect = read(connection, key)
    assert effect is not None
    return effect


def read(connection: Connection, key: str) -> Effect | None:
    row = connection.execute(select(effects).where(effects.c.key == key)).one_or_none()
    if row is None:
        return None
    state = EffectState.BUSY if row.completed_at is None else EffectState.DONE
    return Effect(key=key, job_id=row.job_id, state=state, value=row.value)


def complete(connection: Connection, key: str, value: str) -> None:
    values = {"completed_at": database_now(), "value": storable(value)}
    connection.execute(update(effects).where(effects.c.key == key).values(**values))


def forget(connection: Connection, key: str) -> None:
    """Record that a side effect certainly did not happen: the next `begin` is NEW again."""
    undone = effects.c.completed_at.is_(None)
    connection.execute(effects.delete().where(effects.c.key == key, undone))
