"""Real servers and real processes; a whole service for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import Cluster
from services import PostgresServer, RedisServer


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

    def make(url: str | None = None, **extra: str) -> Cluster:
        url = url or f"sqlite:///{tmp_path}/service.sqlite"
        made.append(Cluster(tmp_path / f"cluster{len(made)}", own_redis, url, extra))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()
