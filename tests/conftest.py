"""Sandboxes for every suite: real ones, skipped with a reason where the machine has none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.base import Environment
from sandbox.engines.choose import AnySandbox, choose
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxUnavailable
from sandbox.session.session import GuestSession
from tests.support.sandbox_case import SMALL, Pack, pack_tar
from tests.support.services import PostgresServer, RedisServer, missing, postgresql_program


@pytest.fixture(scope="session")
def build_settings(tmp_path_factory: pytest.TempPathFactory) -> BuildSettings:
    """A cache of the test run's own."""
    return BuildSettings(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def need_sandbox(build_settings: BuildSettings) -> Callable[[str], AnySandbox]:
    """The sandbox with a name; skips where there is none, and fails where CI must have it."""
    made: dict[str, AnySandbox] = {}

    def need(name: str) -> AnySandbox:
        if name not in made:
            try:
                made[name] = choose(name, build_settings)
            except SandboxUnavailable as error:
                if os.environ.get("CI"):
                    pytest.fail(f"CI must have {name}: {error}")
                pytest.skip(str(error))
        return made[name]

    return need


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Pack files into a tar and return its path."""
    return lambda files: pack_tar(tmp_path / f"source-{os.urandom(4).hex()}.tar", files)


@pytest.fixture(scope="module", params=["process", "bubblewrap", "docker"])
def sandbox(
    request: pytest.FixtureRequest, need_sandbox: Callable[[str], AnySandbox]
) -> AnySandbox:
    """Every kind of sandbox in turn."""
    return need_sandbox(request.param)


@pytest.fixture(scope="module")
def bare(sandbox: AnySandbox) -> Environment:
    """Nothing but a Python."""
    return sandbox.bare()


@pytest.fixture
def fresh(sandbox: AnySandbox, bare: Environment, pack: Pack) -> Iterator[GuestSession]:
    """A session of this test's own."""
    with sandbox.open(bare, pack({"folder/file.txt": b"content"}), SMALL) as session:
        yield session


@pytest.fixture(scope="module")
def shared(
    sandbox: AnySandbox, bare: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuestSession]:
    """A session for tests that leave nothing behind in it."""
    source = pack_tar(tmp_path_factory.mktemp("shared") / "s.tar", {"folder/file.txt": b"content"})
    with sandbox.open(bare, source, SMALL) as session:
        yield session


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test run."""
    if postgresql_program("initdb") is None:
        missing("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="postgres-of-tests-") as folder:
        server = PostgresServer(Path(folder))
        server.create()
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server of this test run."""
    if shutil.which("redis-server") is None:
        missing("Redis is not installed (Debian: apt-get install redis-server)")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()
