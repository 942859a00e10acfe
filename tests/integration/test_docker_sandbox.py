"""The Docker sandbox beside other people's containers, and on an engine that goes away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sandbox_case import SMALL, Pack

from sandbox.base import Environment
from sandbox.build_settings import BuildSettings
from sandbox.choose import AnySandbox, choose
from sandbox.docker import DockerSandbox
from sandbox.errors import LimitNotEnforced, SandboxDied, SandboxUnavailable
from sandbox.owner import this_process
from sandbox.probe import probe
from sandbox.reaper import reap

EngineSwitch = tuple[Callable[[], None], Callable[[], None]]
"""Starts it; stops it."""


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
    labels = engine._arguments(SMALL)["labels"]
    gone = {**labels, "repair.pid": "4194399", "repair.start": "1"}
    elsewhere = {**gone, "repair.host": "another-host"}
    create = engine.client.containers.create
    stranger = create(image, ["true"])
    remote = create(image, ["true"], labels=elsewhere)
    orphan = create(image, ["true"], labels=gone)
    try:
        with engine.open(engine.bare(), pack({}), SMALL) as session:
            assert f"container {orphan.name}" in reap(tmp_path)
            assert session.run(["true"], timeout_seconds=10).ok
        left = {each.id for each in engine.client.containers.list(all=True)}
        assert {stranger.id, remote.id} <= left
        assert orphan.id not in left
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
    assert reap(tmp_path / "cache") == [f"folder {tmp_path / 'repair-4194399-1-0123abcd'}"]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([alive.name, "repair-notes"])


def test_a_limit_that_the_engine_ignores_is_noticed(
    engine: DockerSandbox, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = DockerSandbox._arguments
    monkeypatch.setattr(
        DockerSandbox,
        "_arguments",
        lambda self, limits: arguments(self, limits) | {"pids_limit": 0},
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
    with pytest.raises(SandboxUnavailable, match=r"no Docker engine answers.*apt install"):
        choose("docker", build_settings)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """The address of a socket may have 107 bytes; `tmp_path` takes most of them."""
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        yield Path(folder)


@pytest.fixture
def own_engine(
    engine: DockerSandbox, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineSwitch]:
    """Starts an engine of the test's own, which it may kill."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting a Docker engine needs root and dockerd")
    image = engine.bare().image
    assert image is not None
    address = f"unix://{short_path}/docker.sock"
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        (short_path / "pid").unlink(missing_ok=True)
        options = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-masq=false"]
        options += ["--data-root", f"{short_path}/data", "--exec-root", f"{short_path}/exec"]
        options += ["-H", address, "--pidfile", f"{short_path}/pid"]
        with (short_path / "log").open("ab") as log:
            running.append(subprocess.Popen(["dockerd", *options], stdout=log, stderr=log))
        deadline = time.monotonic() + 90
        while subprocess.run(["docker", "-H", address, "info"], capture_output=True).returncode:
            assert time.monotonic() < deadline, (short_path / "log").read_text()[-2000:]
            time.sleep(0.2)

    def stop() -> None:
        if running:
            running[-1].terminate()
            running.pop().wait(30)

    try:
        start()
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
            load = ["docker", "-H", address, "load"]
            subprocess.run(load, stdin=save.stdout, check=True, capture_output=True)
        monkeypatch.setenv("DOCKER_HOST", address)
        yield start, stop
    finally:
        stop()
        left = [short_path / "data", *(short_path / "data").glob("overlay2")]
        subprocess.run(["umount", "-q", *map(str, left)], check=False)


# docker-py's transport drops a socket unclosed for each connection that is refused.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_restarts_is_infrastructure(
    own_engine: EngineSwitch,
    engine: DockerSandbox,
    build_settings: BuildSettings,
    pack: Pack,
) -> None:
    start, stop = own_engine
    sandbox = DockerSandbox(build_settings)
    bare: Environment = engine.bare()
    session = sandbox.open(bare, pack({}), SMALL)
    stop()
    with pytest.raises(SandboxDied) as caught:
        session.run(["sleep", "60"], timeout_seconds=60)
    assert caught.value.retryable
    with pytest.raises(SandboxDied, match="engine"):
        sandbox.open(bare, pack({}), SMALL)
    session.close()
    start()
    with sandbox.open(bare, pack({}), SMALL) as again:
        assert again.run(["true"], timeout_seconds=10).ok
    mine = {"label": f"repair.pid={os.getpid()}"}
    for container in sandbox.client.containers.list(all=True, filters=mine):
        container.remove(force=True)
