"""What is removed of old runs, and what is left alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent.config import Settings
from agent.errors import RunNotFound
from agent.records import RepairJob, RepairResult, Status
from agent.runs import folder as folder_module
from agent.runs import retention
from agent.runs.folder import RunFolder, list_runs, new_folder, run_folder, runs_root
from agent.runs.result_file import write_result
from agent.runs.retention import DAY_SECONDS, prune_runs

KEPT = {"job.json", "lock", "log.txt", "patch.diff", "result.json"}
WORKING = {"checkpoints.sqlite", "checkpoints.sqlite-wal", "snapshot", "tried.txt"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", kept_runs=1, retention_days=30.0)


def add_run(
    settings: Settings, run_id: str, *, days: float, status: Status | None = Status.REPAIRED
) -> RunFolder:
    """A run with all its files, whose job began that long ago and whose result is as old."""
    folder = new_folder(settings, run_id)
    folder.save_job(RepairJob(run_id=run_id, target="/home/me/project"))
    folder.snapshot.mkdir()
    (folder.snapshot / "base.tar").write_bytes(b"files")
    written = [folder.checkpoints, folder.journal, folder.patch, folder.log, folder.path / "lock"]
    for file in (*written, folder.path / "checkpoints.sqlite-wal"):
        file.write_bytes(b"x")
    if status is not None:
        write_result(RepairResult(run_id=run_id, status=status, reason="x"), folder.result)
    touch(folder, days)
    return folder


def touch(folder: RunFolder, days: float) -> None:
    at = time.time() - days * DAY_SECONDS
    for file in (folder.job, folder.result):
        if file.exists():
            os.utime(file, (at, at))


def names(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def in_root(settings: Settings) -> list[str]:
    return sorted(path.name for path in runs_root(settings).iterdir())


def test_no_runs_at_all(settings: Settings) -> None:
    assert prune_runs(settings) == []


def test_the_newest_are_kept_whole_however_old(settings: Settings) -> None:
    newest = add_run(settings, "b", days=400)
    add_run(settings, "a", days=500)
    assert prune_runs(settings) == ["removed 1 run that ended over 30 days ago"]
    assert names(newest) == KEPT | WORKING
    assert in_root(settings) == ["b"]


def test_older_ones_keep_their_result_and_are_listed(settings: Settings) -> None:
    add_run(settings, "b", days=1)
    older = add_run(settings, "a", days=2)
    assert prune_runs(settings) == ["removed checkpoints and snapshots of 1 older run"]
    assert names(older) == KEPT
    assert [row.run_id for row in list_runs(settings)] == ["b", "a"]
    assert prune_runs(settings) == []


@pytest.mark.parametrize("status", [None, Status.CANCELLED])
def test_what_can_be_resumed_stays(settings: Settings, status: Status | None) -> None:
    add_run(settings, "c", days=1)
    resumable = add_run(settings, "b", days=400, status=status)
    before = names(resumable)
    older = add_run(settings, "a", days=2)
    prune_runs(settings)
    assert names(resumable) == before
    assert names(older) == KEPT


def test_what_failed_ages_as_what_ended(settings: Settings) -> None:
    runs = {name: add_run(settings, name, days=0, status=None) for name in "cba"}
    for days, folder in enumerate(runs.values()):
        with pytest.raises(OSError, match="no space"), folder.attempt():
            raise OSError("no space")
        at = time.time() - 20 * days * DAY_SECONDS
        for file in (folder.job, folder.failure):
            os.utime(file, (at, at))
    assert [row.status for row in list_runs(settings)] == ["failed"] * 3
    prune_runs(settings)
    assert names(runs["c"]) == (KEPT | WORKING | {"failure.txt"}) - {"result.json"}
    assert names(runs["b"]) == (KEPT | {"failure.txt"}) - {"result.json"}
    assert not runs["a"].path.exists()


def test_what_failed_is_running_when_it_is_tried_again(settings: Settings) -> None:
    folder = add_run(settings, "a", days=0, status=Status.CANCELLED)
    with pytest.raises(OSError, match="no space"), folder.attempt():
        raise OSError("no space")
    assert [row.status for row in list_runs(settings)] == ["failed"]
    with folder.attempt():
        assert [row.status for row in list_runs(settings)] == ["running"]
    assert [row.status for row in list_runs(settings)] == ["cancelled"]


def test_why_a_run_failed_holds_no_password(settings: Settings) -> None:
    folder = add_run(settings, "a", days=0, status=None)
    with pytest.raises(OSError, match="no answer"), folder.attempt():
        raise OSError("https://me:secret@host.invalid/x.git: no answer")
    assert "no answer" in folder.failure.read_text()
    assert "secret" not in folder.failure.read_text()


def test_a_run_that_is_worked_on_stays(settings: Settings) -> None:
    add_run(settings, "b", days=1)
    running = add_run(settings, "a", days=400)
    with running.lock():
        assert prune_runs(settings) == []
    assert names(running) == KEPT | WORKING


def test_a_run_that_was_begun_again_stays(settings: Settings) -> None:
    add_run(settings, "b", days=1)
    again = add_run(settings, "a", days=400)
    os.utime(again.job)
    assert prune_runs(settings) == []
    assert names(again) == KEPT | WORKING


def test_a_result_that_cannot_be_read_stays(settings: Settings) -> None:
    add_run(settings, "b", days=1)
    damaged = add_run(settings, "a", days=400)
    damaged.result.write_text("{")
    touch(damaged, 400)
    assert prune_runs(settings) == []
    assert names(damaged) == KEPT | WORKING


def test_no_link_is_followed(settings: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(state_dir=tmp_path / "elsewhere")
    outside = add_run(elsewhere, "x", days=400)
    add_run(settings, "c", days=1)
    linked = runs_root(settings) / "linked"
    linked.symlink_to(outside.path)
    with_links = add_run(settings, "b", days=400)
    (with_links.path / "more").symlink_to(outside.path)
    reduced = add_run(settings, "a", days=2)
    reduced.snapshot.rename(tmp_path / "snapshot")
    reduced.snapshot.symlink_to(tmp_path / "snapshot")
    locked = add_run(settings, "0", days=400)
    (locked.path / "lock").unlink()
    (locked.path / "lock").symlink_to(tmp_path / "made")
    assert len(prune_runs(settings)) == 2
    assert names(outside) == KEPT | WORKING
    assert linked.is_symlink()
    assert not with_links.path.exists()
    assert names(reduced) == KEPT
    assert (tmp_path / "snapshot" / "base.tar").exists()
    assert names(locked) == KEPT | WORKING
    assert not (tmp_path / "made").exists()
    RunFolder(linked).remove()
    assert linked.is_symlink()


@pytest.mark.parametrize("days", [2, 400])
def test_an_interrupted_removal_leaves_no_half_run(
    settings: Settings, days: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is cut short: the list is right, and the next call does the rest."""

    def interrupted(root: Path) -> None:
        (root / "base.tar").unlink(missing_ok=True)
        (root / "job.json").unlink(missing_ok=True)
        raise KeyboardInterrupt

    add_run(settings, "b", days=1)
    add_run(settings, "a", days=days)
    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "remove_tree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prune_runs(settings)
    left = [name for name in in_root(settings) if name.startswith(".removed-")]
    assert len(left) == 1
    listed = ["b"] if days == 400 else ["b", "a"]
    assert [row.run_id for row in list_runs(settings)] == listed
    with pytest.raises(RunNotFound):
        run_folder(settings, left[0])
    prune_runs(settings)
    assert in_root(settings) == sorted(listed)


def test_a_start_does_not_wait_for_all_of_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MAX_RUNS", 2)
    for number in range(6):
        add_run(settings, f"run-{number}", days=400)
    counts = []
    for _ in range(4):
        prune_runs(settings)
        counts.append(len(list_runs(settings)))
    assert counts == [4, 2, 1, 1]
