"""One clock for all machines: the database's. Leases are compared on it alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Double, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A column type for moments: seconds since the epoch in the database, an aware UTC datetime
    outside.

    A number, so that the same sums and comparisons work in SQLite and PostgreSQL.
    """

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> float | None:
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


class database_now(FunctionElement[datetime]):
    """Seconds since the epoch on the database's clock, when the statement runs."""

    inherit_cache = True
    type = Instant()


@compiles(database_now, "postgresql")
def _postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    # Not now(): that one stands still within a transaction, however long it waits for a lock.
    return "extract(epoch FROM clock_timestamp())::double precision"


@compiles(database_now, "sqlite")
def _sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    # unixepoch('subsec') needs SQLite 3.42; Debian 12 has 3.40. 2440587.5 is 1970-01-01.
    return "((julianday('now') - 2440587.5) * 86400.0)"


def seconds_from_now(seconds: float) -> ColumnElement[datetime]:
    """The moment so many seconds from now on the database's clock."""
    return type_coerce(type_coerce(database_now(), Double) + seconds, Instant)
