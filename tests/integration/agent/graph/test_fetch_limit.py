"""The time of a repair counts while the repository is fetched: a server may never answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import run
from agent.config import Settings
from agent.errors import CheckpointDamaged
from agent.events import Event, StageStarted
from agent.records import Budget, RepairJob, RepairResult, Status
from agent.run import start
from sandbox.errors import BadTarget
from sandbox.snapshots.checkout import resolve


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/project.git"


def _repair(
    url: str, tmp_path: Path, seconds: float, stop: threading.Event, *, stops: bool = False
) -> RepairResult:
    def listen(event: Event) -> None:
        if stops and isinstance(event, StageStarted):
            stop.set()

    settings = Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    job = RepairJob(run_id="run", target=url, budget=Budget(max_seconds=seconds))
    return start(job, settings, listen, stop)


def test_a_fetch_ends_with_the_time_of_the_repair(silent: str, tmp_path: Path) -> None:
    result = _repair(silent, tmp_path, 0.5, threading.Event())
    assert result.status is Status.BUDGET_EXHAUSTED
    assert "prepare" in result.reason


def test_a_stop_ends_a_fetch(silent: str, tmp_path: Path) -> None:
    result = _repair(silent, tmp_path, 500.0, threading.Event(), stops=True)
    assert result.status is Status.CANCELLED


def test_a_run_that_cannot_go_on_ends_the_fetch_that_was_begun(
    silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph fails while the first stage waits: it is not waited for to the end of its time."""

    def damaged(_context: object) -> RepairResult:
        raise CheckpointDamaged("of another kind")

    monkeypatch.setattr(run, "_through_the_graph", damaged)
    with pytest.raises(CheckpointDamaged):
        _repair(silent, tmp_path, 500.0, threading.Event())
    assert not [one for one in threading.enumerate() if "first-stages" in one.name]


def test_a_fetch_that_is_cut_off_is_not_tried_again(silent: str, tmp_path: Path) -> None:
    asked: list[None] = []

    def cut_off() -> bool:
        asked.append(None)
        return True

    with pytest.raises(BadTarget, match="the time for it was over"):
        resolve(silent, "main", tmp_path / "scratch", cut_off=cut_off)
    assert len(asked) == 1
