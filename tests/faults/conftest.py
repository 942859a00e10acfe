"""Real servers and real processes; a whole service for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import Cluster
from tests.faults.links import Network
from tests.support.services import PostgresServer, RedisServer, postgres_at


@pytest.fixture
def own_redis(tmp_path: Path, redis_server: RedisServer) -> Iterator[RedisServer]:
    """A Redis that may be killed. (`redis_server` says what to do where there is none.)"""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be stopped."""
    with postgres_at("127.0.0.1") as server:
        yield server


@pytest.fixture
def network() -> Iterator[Network]:
    """A wire for several machines; a skip where this user may not make one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    try:
        network = Network()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
    yield network
    network.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of `make faults`: what was done, whether it was survived, and figures of it."""
    terminalreporter.section("faults")
    for outcome in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            if report.when == "call" or outcome in ("skipped", "error"):
                name = report.nodeid.rpartition("::test_")[2].replace("_", " ")
                terminalreporter.write_line(f"{outcome:8}{report.duration:6.0f} s  {name}")
                for key, value in report.user_properties:
                    terminalreporter.write_line(f"{'':18}{key.replace('_', ' ')}: {value}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/service.sqlite"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.database()


@pytest.fixture
def make_cluster(tmp_path: Path, own_redis: RedisServer) -> Iterator[Callable[..., Cluster]]:
    """Make a service over a database, with other settings perhaps."""
    made: list[Cluster] = []

    def make(url: str | None = None, redis: RedisServer | None = None, **extra: str) -> Cluster:
        url = url or f"sqlite:///{tmp_path}/service.sqlite"
        made.append(Cluster(tmp_path / f"cluster{len(made)}", redis or own_redis, url, extra))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()
