"""The checkpoints of all jobs, in the service's database, fenced by the lease.

LangGraph does not lock threads: of two processes on one thread, both would run every node. Here
each write first looks, in its own transaction, whether the claim still holds.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from psycopg.rows import DictRow, dict_row
from sqlalchemy import Connection, Engine, text

from agent.runs.checkpoint_serializer import PlainSerializer
from agent.runs.checkpoints import Checkpoints, Saver
from workers.errors import Fenced, StoreUnavailable
from workers.records import Claim
from workers.store.database import BUSY_TIMEOUT_SECONDS, CHECKPOINT_LOCK, POSTGRESQL_OPTIONS

CHECKPOINT_TABLES = {
    "sqlite": ("checkpoints", "writes"),
    "postgresql": ("checkpoints", "checkpoint_writes", "checkpoint_blobs"),
}
BYTES_TYPES = {"sqlite": "BINARY", "postgresql": '"C"'}
"""The collation that compares byte by byte, whatever the database was created with."""
LOCK_RETRY_SECONDS = 0.1
"""Between two looks whether another process has set the tables up."""
RECONNECT_TIMEOUT_SECONDS = 30.0
"""How long a checkpoint is tried for while the database is away. (A lease is not much longer.)"""
RECONNECT_INTERVAL_SECONDS = 0.5
CONNECTION_ERRORS = (psycopg.OperationalError, psycopg.InternalError)
T = TypeVar("T")
HELD_CLAIM_QUERY = "SELECT 1 FROM jobs WHERE id = {} AND fence = {} AND state = 'running'"


def set_up(engine: Engine) -> None:
    """Make LangGraph's own tables. Safe when several processes do it at once."""
    if engine.dialect.name == "sqlite":
        with closing(_open_sqlite(engine)) as connection:
            SqliteSaver(connection).setup()
        return
    with closing(_open_postgresql(engine)) as connection:
        # A lock of the session: an index is made concurrently, which no transaction may do. Asked
        # for again and again: a statement that waits has a snapshot, and making the index waits
        # for those: a deadlock (https://www.postgresql.org/docs/current/sql-createindex.html).
        while not _has_lock(connection):
            time.sleep(LOCK_RETRY_SECONDS)
        PostgresSaver(connection).setup()
        for table in CHECKPOINT_TABLES[
            "postgresql"
        ]:  # for `forget`: their own keys sort by the language
            connection.execute(
                f"CREATE INDEX IF NOT EXISTS {table}_by_bytes "
                f"ON {table} (thread_id COLLATE {BYTES_TYPES['postgresql']})".encode()
            )


def _has_lock(connection: psycopg.Connection[DictRow]) -> bool:
    query = f"SELECT pg_try_advisory_lock({CHECKPOINT_LOCK}) AS ours"
    row = connection.execute(query).fetchone()
    return bool(row and row["ours"])


def fenced(engine: Engine, claim: Claim) -> Checkpoints:
    """The thread of this job, writable as long as the claim holds.

    Within the block Fenced and StoreUnavailable may be raised.
    """
    open_saver = _sqlite if engine.dialect.name == "sqlite" else _postgresql
    return lambda: open_saver(engine, claim)


def forget(connection: Connection, job_id: str) -> None:
    """Remove a job's threads, as part of the caller's transaction: the graph's own and those of
    its conversations, which are called `<job>:…`."""
    name = f"thread_id COLLATE {BYTES_TYPES[connection.dialect.name]}"
    for table in CHECKPOINT_TABLES[connection.dialect.name]:
        connection.execute(
            text(  # `;` is the character after `:`, byte by byte; a language may sort it before
                f"DELETE FROM {table} WHERE thread_id = :id "  # noqa: S608
                f"OR ({name} >= :id || ':' AND {name} < :id || ';')"
            ),
            {"id": job_id},
        )


class FencedSqliteSaver(SqliteSaver):
    """Checks the claim in the transaction of each write."""

    def __init__(self, connection: sqlite3.Connection, claim: Claim) -> None:
        super().__init__(connection, serde=PlainSerializer())
        self._claim = claim

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        with super().cursor(transaction) as cursor:
            if transaction:
                cursor.execute("BEGIN IMMEDIATE")
                query = HELD_CLAIM_QUERY.format("?", "?")
                if not cursor.execute(query, (self._claim.job.id, self._claim.fence)).fetchone():
                    raise _lost(self._claim)
            yield cursor


class FencedPostgresSaver(PostgresSaver):
    """Checks the claim in the transaction of each write, and holds the job's row until its end.

    What a connection cost that broke is done again on a new one: a checkpoint follows an answer
    of the model, which would be paid for twice. Each call gives the same when it is repeated.
    `_cursor` is not a public name: tests/contract/test_checkpoints.py notices when it goes away.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[DictRow]], claim: Claim) -> None:
        self._opened = connect
        self._connection = connect()
        super().__init__(self._connection, serde=PlainSerializer())
        self._claim = claim

    def close(self) -> None:
        self._connection.close()

    def get_tuple(self, *args: Any, **kwargs: Any) -> Any:
        return self._patiently(partial(super().get_tuple, *args, **kwargs))

    def put(self, *args: Any, **kwargs: Any) -> Any:
        return self._patiently(partial(super().put, *args, **kwargs))

    def put_writes(self, *args: Any, **kwargs: Any) -> None:
        self._patiently(partial(super().put_writes, *args, **kwargs))

    def delete_thread(self, *args: Any, **kwargs: Any) -> None:
        self._patiently(partial(super().delete_thread, *args, **kwargs))

    def prune(self, *args: Any, **kwargs: Any) -> None:
        self._patiently(partial(super().prune, *args, **kwargs))

    def _patiently(self, call: Callable[[], T]) -> T:
        deadline = time.monotonic() + RECONNECT_TIMEOUT_SECONDS
        while True:
            try:
                self._reconnect()
                return call()
            except (*CONNECTION_ERRORS, StoreUnavailable):
                if time.monotonic() > deadline:
                    raise
                time.sleep(RECONNECT_INTERVAL_SECONDS)

    def _reconnect(self) -> None:
        with self.lock:
            if self._connection.closed:
                self.conn = self._connection = self._opened()

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[psycopg.Cursor[DictRow]]:
        if not pipeline:  # a read
            with super()._cursor() as cursor:
                yield cursor
            return
        with (
            self.lock,
            self._connection.transaction(),
            self._connection.cursor(binary=True, row_factory=dict_row) as cursor,
        ):
            query = HELD_CLAIM_QUERY.format("%s", "%s") + " FOR SHARE"
            if not cursor.execute(query, (self._claim.job.id, self._claim.fence)).fetchone():
                raise _lost(self._claim)
            yield cursor


@contextmanager
def _sqlite(engine: Engine, claim: Claim) -> Iterator[Saver]:
    with _available(), closing(_open_sqlite(engine)) as connection:
        yield FencedSqliteSaver(connection, claim)


@contextmanager
def _postgresql(engine: Engine, claim: Claim) -> Iterator[Saver]:
    with (
        _available(),
        closing(FencedPostgresSaver(partial(_open_postgresql, engine), claim)) as saver,
    ):
        yield saver


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, *CONNECTION_ERRORS) as error:
        raise StoreUnavailable(f"the checkpoints cannot be used now: {error}") from error


def _open_sqlite(engine: Engine) -> sqlite3.Connection:
    path = str(engine.url.database)
    return sqlite3.connect(path, check_same_thread=False, timeout=BUSY_TIMEOUT_SECONDS)


def _open_postgresql(engine: Engine) -> psycopg.Connection[DictRow]:
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    options: dict[str, Any] = {**POSTGRESQL_OPTIONS, "prepare_threshold": 0}
    with _available():
        return psycopg.connect(address, autocommit=True, row_factory=dict_row, **options)


def _lost(claim: Claim) -> Fenced:
    return Fenced(f"job {claim.job.id} is no longer held by {claim.worker}: nothing was written")
