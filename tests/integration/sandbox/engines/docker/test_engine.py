"""The Docker sandbox beside other people's containers, and on an engine that goes away."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.base import Environment
from sandbox.engines.choose import AnySandbox, choose
from sandbox.engines.docker.client import connect
from sandbox.engines.docker.engine import DockerSandbox
from sandbox.engines.docker.images import Images
from sandbox.engines.probe import probe
from sandbox.engines.reaper import reap
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import EngineLost, LimitNotEnforced, SandboxDied, SandboxUnavailable
from sandbox.isolation.owner import this_process
from sandbox.machine_identity import MachineIdentity
from tests.support.docker_engine import Engine, running_engine
from tests.support.sandbox_case import SMALL, Pack


@pytest.fixture(scope="module")
def engine(need_sandbox: Callable[[str], AnySandbox]) -> DockerSandbox:
    found = need_sandbox("docker")
    assert isinstance(found, DockerSandbox)
    return found


def test_doctor_finds_nothing_to_object_to(engine: DockerSandbox) -> None:
    report = probe(engine)
    assert [row for row in report.rows if not row.ok] == []
    assert {"opens", "limit on memory_bytes", "no TCP", "no Docker socket"} <= {
        row.name for row in report.rows
    }


def test_the_reaper_spares_the_living_and_the_foreign(
    engine: DockerSandbox, pack: Pack, tmp_path: Path
) -> None:
    image = engine.bare().image
    labels = engine._arguments(SMALL, MachineIdentity())["labels"]
    gone = {**labels, "repair.pid": "4194399", "repair.start": "1"}
    elsewhere = {**gone, "repair.host": "another-host"}
    create = engine.client.containers.create
    stranger = create(image, ["true"])
    remote = create(image, ["true"], labels=elsewhere)
    orphans = []

    def reaped_here() -> bool:
        """A command that another test runs may reap an orphan first; then there is one more."""
        orphans.append(create(image, ["true"], labels=gone))
        return f"container {orphans[-1].name}" in reap(tmp_path)

    try:
        with engine.open(engine.bare(), pack({}), SMALL) as session:
            assert any(reaped_here() for _ in range(10))
            assert session.run(["true"], timeout_seconds=10).ok
        left = {each.id for each in engine.client.containers.list(all=True)}
        assert {stranger.id, remote.id} <= left
        assert not {orphan.id for orphan in orphans} & left
    finally:
        stranger.remove()
        remote.remove()


def test_the_reaper_takes_folders_of_the_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    alive = tmp_path / f"{this_process().name}-0123abcd"
    for folder in (tmp_path / "repair-4194399-1-0123abcd", alive, tmp_path / "repair-notes"):
        folder.mkdir()
    assert f"folder {tmp_path / 'repair-4194399-1-0123abcd'}" in reap(tmp_path / "cache")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([alive.name, "repair-notes"])


def test_a_limit_that_the_engine_ignores_is_noticed(
    engine: DockerSandbox, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = DockerSandbox._arguments
    monkeypatch.setattr(
        DockerSandbox,
        "_arguments",
        lambda self, limits, who: arguments(self, limits, who) | {"pids_limit": 0},
    )
    with pytest.raises(LimitNotEnforced, match="processes"):
        engine.open(engine.bare(), pack({}), SMALL)
    mine = {"label": f"repair.pid={os.getpid()}"}
    assert engine.client.containers.list(all=True, filters=mine) == []


def test_an_image_that_cannot_be_had(engine: DockerSandbox, build_settings: BuildSettings) -> None:
    settings = replace(build_settings, docker_image="repair-no-such-image:1")
    with pytest.raises(SandboxUnavailable, match=r"repair-no-such-image:1.*cannot be pulled"):
        choose("docker", settings)


def test_no_engine_says_how_to_get_one(
    build_settings: BuildSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    way_out = "(apt install|--sandbox bubblewrap)"
    with pytest.raises(SandboxUnavailable, match=rf"no Docker engine answers.*{way_out}"):
        choose("docker", build_settings)


def test_images_that_go_while_they_are_listed(engine: DockerSandbox) -> None:
    client = connect(10)
    listed = Images(client, None)

    def come_and_go() -> None:
        for _ in range(8):
            for number in range(8):
                client.api.import_image_from_data(b"\0" * 10240, f"passing:{number}")
            for number in range(8):
                client.images.remove(f"passing:{number}")

    with ThreadPoolExecutor() as threads, closing(client):
        passing = threads.submit(come_and_go)
        while not passing.done():
            assert listed._local_tags()
        passing.result()


@pytest.fixture
def own_engine(engine: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that may be stopped, in the place of the machine's."""
    image = engine.bare().image
    assert image is not None
    with running_engine() as own:
        assert own.load(image)
        monkeypatch.setenv("DOCKER_HOST", own.url)
        yield own
    gc.collect()  # the sockets that docker-py dropped: within the test that expects them


# docker-py's transport drops a socket unclosed for each connection that is refused.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_restarts_is_infrastructure(
    own_engine: Engine,
    engine: DockerSandbox,
    build_settings: BuildSettings,
    pack: Pack,
) -> None:
    sandbox = DockerSandbox(build_settings)
    bare: Environment = engine.bare()
    session = sandbox.open(bare, pack({}), SMALL)
    own_engine.stop()
    with pytest.raises(EngineLost) as caught:
        session.run(["sleep", "60"], timeout_seconds=60)
    assert caught.value.retryable
    with pytest.raises(SandboxDied, match="engine"):
        sandbox.open(bare, pack({}), SMALL)
    session.close()
    own_engine.start()
    with sandbox.open(bare, pack({}), SMALL) as again:
        assert again.run(["true"], timeout_seconds=10).ok
    mine = {"label": f"repair.pid={os.getpid()}"}
    for container in sandbox.client.containers.list(all=True, filters=mine):
        container.remove(force=True)
