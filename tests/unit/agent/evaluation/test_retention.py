"""Which evaluations are removed, and which are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation import retention
from agent.evaluation.log import LogContents
from agent.evaluation.records import AnswerSource, Plan
from agent.evaluation.report.files import summary_json
from agent.evaluation.report.summarize import summarize
from agent.evaluation.retention import prune_evaluations
from agent.evaluation.run_folder import EvaluationFolder, list_evaluations, new_evaluation_folder
from agent.evaluation.suites.human_eval import HumanEval

LONG_AGO = 1_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path, kept_runs=1, retention_days=30.0)


def evaluation(settings: Settings, run_id: str, *, ended: bool = True) -> EvaluationFolder:
    plan = Plan(run_id=run_id, suite="humaneval", data="/d", way=AnswerSource.REFERENCE)
    folder = new_evaluation_folder(settings, run_id)
    folder.save_plan(plan)
    summary = summary_json(summarize(plan, HumanEval(Path("/d")), [], LogContents()))
    if not ended:
        summary["outcomes"] = {"not_graded": 1}
    folder.summary.write_text(json.dumps(summary))
    os.utime(folder.summary, (LONG_AGO, LONG_AGO))
    return folder


def test_old_evaluations_that_ended_are_removed(settings: Settings) -> None:
    newest, old, open_one, held = (
        evaluation(settings, name, ended=name != "c") for name in ("a", "b", "c", "d")
    )
    os.utime(newest.summary, (LONG_AGO + 10, LONG_AGO + 10))
    with held.lock():
        assert list(prune_evaluations(settings)) == [
            "removed 1 evaluation that ended over 30 days ago"
        ]
    assert [one.run_id for one in list_evaluations(settings)] == ["d", "c", "a"]
    assert not old.path.exists()
    assert list(open_one.path.parent.glob(".*")) == []


def test_what_a_killed_process_set_aside_is_removed_and_never_listed(settings: Settings) -> None:
    left = evaluation(settings, "a")
    left.path.rename(left.path.parent / ".removed-a")
    assert list_evaluations(settings) == []
    assert list(prune_evaluations(settings)) == []
    assert list(left.path.parent.iterdir()) == []


def test_one_that_was_gone_on_with_since_it_was_listed_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation(settings, "b")
    again = evaluation(settings, "a")
    os.utime(again.summary, (LONG_AGO - 10, LONG_AGO - 10))
    lock = EvaluationFolder.lock

    @contextmanager
    def after_a_resume(folder: EvaluationFolder) -> Iterator[None]:
        os.utime(folder.summary)  # another process held the lock, and ended it anew
        with lock(folder):
            yield

    monkeypatch.setattr(EvaluationFolder, "lock", after_a_resume)
    assert list(prune_evaluations(settings)) == []
    assert again.path.exists()


def test_one_call_removes_the_oldest_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MAX_EVALUATIONS", 2)
    for age, name in enumerate("abcdef"):
        os.utime(evaluation(settings, name).summary, (LONG_AGO - age, LONG_AGO - age))
    assert list(prune_evaluations(settings)) == [
        "removed 2 evaluations that ended over 30 days ago"
    ]
    assert [one.run_id for one in list_evaluations(settings)] == ["d", "c", "b", "a"]
