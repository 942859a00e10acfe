"""A start removes what need not be kept of old runs."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent import run
from agent.config import Settings
from agent.events import Event, Progress
from agent.records import GeneratedTest, RepairJob, RepairResult, Status
from agent.runs.folder import RunFolder, list_runs, new_folder
from agent.runs.result_file import write_result
from agent.serialization import plain
from sandbox.errors import BadTarget


def test_a_start_removes_old_runs_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "reap", lambda *_: [])
    settings = Settings(
        state_dir=tmp_path / "state",
        cache_dir=tmp_path / "cache",
        kept_runs=0,
        retention_days=1e-9,
    )
    old = new_folder(settings, "old")
    old.save_job(RepairJob(run_id="old", target="/home/me/project"))
    write_result(RepairResult(run_id="old", status=Status.REPAIRED, reason="x"), old.result)
    told: list[Event] = []
    job = RepairJob(run_id="new", target=str(tmp_path / "nowhere"))
    with pytest.raises(BadTarget):
        run.start(job, settings, told.append, threading.Event())
    assert list_runs(settings) == []
    assert "removed 1 run that ended" in " ".join(e.text for e in told if isinstance(e, Progress))


def test_a_generated_test_with_half_a_surrogate_pair_is_saved_beside_the_result(
    tmp_path: Path,
) -> None:
    test = GeneratedTest(
        path="tests/test_issue.py",
        text="TEXT = '\ud800'\n",
        test_ids=("t",),
        author="a model",
        claims=(),
    )
    context: Any = SimpleNamespace(folder=RunFolder(tmp_path), cut_seconds=dict)
    result = run._finish(context, {"generated": [plain(test)]}, cancelled=True)
    assert result.generated_tests == (test,)
    assert (tmp_path / "test_issue.py").read_text(encoding="utf-8") == "TEXT = '?'\n"
