"""The database: how it is opened, how its transactions are made safe, and its schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sandbox.host.private_files import close_to_others, private_file, private_folder
from workers.errors import StoreUnavailable

BUSY_TIMEOUT_SECONDS = 30
"""How long a writer waits for another one in SQLite."""
SWITCH_SECONDS = 0.02
"""Between two tries to give a new SQLite file its log."""
MIGRATION_LOCK = 0x7265706169720A
"""One process migrates; the number means nothing ("repair" in ASCII)."""
CHECKPOINT_LOCK = MIGRATION_LOCK + 1
"""One process sets up LangGraph's tables."""
ADMISSION_LOCK = MIGRATION_LOCK + 2
"""One transaction adds live jobs."""
POSTGRESQL_OPTIONS: dict[str, Any] = {
    # A peer that vanished (cable, firewall) must be noticed within half a minute.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # What a client that vanished had locked is free again before its lease has run out.
    "options": "-c lock_timeout=8s -c idle_in_transaction_session_timeout=10s",
}


def open_engine(url: str, **options: Any) -> Engine:
    """Open the engine of a database URL; it connects on first use. Fork-safe only before that: each
    process opens its own.

    Raises StoreUnavailable where SQLite's file cannot be made.
    """
    address = normalised(url)
    if address.get_backend_name() == "sqlite":
        if address.database and address.database != ":memory:":
            _make_private(Path(address.database))
        engine = sqlalchemy.create_engine(
            address, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **options
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    pool = options or {"pool_timeout": 8}
    return sqlalchemy.create_engine(
        address, connect_args=POSTGRESQL_OPTIONS, pool_pre_ping=True, **pool
    )


def _make_private(file: Path) -> None:
    """The file and what SQLite keeps beside it hold everybody's code: nobody else reads them.

    SQLite gives new files beside it the mode that the file has.
    """
    try:
        if not file.parent.exists():
            private_folder(file.parent)
        private_file(file)
    except OSError as error:
        raise StoreUnavailable(f"the database {file} cannot be opened: {error.strerror}") from error
    for beside in ("-wal", "-shm", "-journal"):
        close_to_others(file.with_name(file.name + beside))


def normalised(url: str) -> URL:
    """`postgres://` and `postgresql://` mean psycopg 3."""
    address = make_url(url)
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    return address


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed whole or not at all. Raises StoreUnavailable."""
    with _available(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent view that takes no lock another one waits for. Raises StoreUnavailable."""
    with _available(), engine.connect() as connection:
        yield connection.execution_options(reading=True)


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        # Internal: its transaction was ended, or this is a standby that takes no writes.
        raise StoreUnavailable(f"the database cannot be used now: {_words(error)}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable(f"the database went away: {_words(error)}") from error
        raise


def _words(error: Exception) -> str:
    """The driver's own words; SQLAlchemy's would repeat the statement and its values."""
    return str(getattr(error, "orig", None) or error).strip()


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which standard SQL does not have."""
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    return module.insert(table)


def migrate(engine: Engine) -> None:
    """Bring the schema up to date. Safe when several processes do it at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:  # holds SQLite's write lock from the start
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "heads")


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin too late; `_begin_sqlite` does
    _keep_log(connection)
    # An accepted job survives a power cut: NORMAL may lose the last commits in WAL mode.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _keep_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL. While another process does the same to a new file, SQLite answers that it
    is locked without the wait that it grants other statements."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock now: two that read first and write later would deadlock.
    reads = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
