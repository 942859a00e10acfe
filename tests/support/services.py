"""Real servers for tests: Redis and PostgreSQL on free ports, in folders of their own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
import redis

START_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def postgresql_program(name: str) -> str | None:
    """Debian keeps the server's programs off PATH."""
    found = shutil.which(name)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(versions[-1]) if versions else None)


@dataclass
class RedisServer:
    """A redis-server with an append-only file, as the service wants it."""

    folder: Path
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(host=self.host, port=self.port, socket_timeout=10)

    def start(self) -> None:
        options = ["--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""]
        options += ["--bind", self.host, "--protected-mode", "no"]
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), *options],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def wipe(self) -> None:
        """As if its disk had been lost."""
        self.kill()
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass
class PostgresServer:
    """A PostgreSQL server. It refuses to run as root: there it runs as the user `postgres`, in a
    folder that is not below pytest's, which every other session of pytest closes to others."""

    folder: Path
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    made: int = 0

    @property
    def admin_url(self) -> str:
        return f"postgresql://repair@{self.host}:{self.port}/postgres"

    def create(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "repair", "-A", "trust", "--no-sync")
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

    def start(self) -> None:
        log = str(self.folder / "log")
        options = f"-p {self.port} -k {self.folder} -c listen_addresses={self.host}"
        data = str(self.folder / "data")
        self._run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: it recovers from its log at the next start."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    def database(self, language: str | None = None) -> str:
        """A new empty database; returns its URL. With a language (`en-US`) its texts sort as in a
        dictionary: PostgreSQL's own ICU does that, whichever locales the machine has."""
        self.made += 1
        sorting = (
            f"TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' "
            f"LOCALE_PROVIDER icu ICU_LOCALE '{language}'"
        )
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE test_{self.made} {sorting if language else ''}".encode()
            )
        return f"postgresql://repair@{self.host}:{self.port}/test_{self.made}"

    def _run(self, name: str, *arguments: str) -> None:
        program = postgresql_program(name)
        assert program is not None
        argv: Sequence[str] = [program, *arguments]
        if getpass.getuser() == "root":
            argv = ["runuser", "-u", "postgres", "--", *argv]
        # Not pipes: the server would keep them open after pg_ctl has ended.
        with tempfile.TemporaryFile() as out:
            subprocess.run(argv, check=True, stdout=out, stderr=out, cwd="/", timeout=90)


@contextmanager
def postgres_at(host: str) -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    if postgresql_program("initdb") is None:
        missing("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="postgres-of-tests-") as folder:
        server = PostgresServer(Path(folder), host=host)
        server.create()
        server.start()
        yield server
        server.stop()


def kill_tree(pid: int) -> None:
    """SIGKILL a process that leads a group of its own, and the group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def missing(what: str) -> NoReturn:
    """Skip on a user's machine; CI has to have it."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
