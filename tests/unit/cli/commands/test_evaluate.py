"""`repair evaluate` on evaluations that are there already: no sandbox and no model is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation.evaluate import digest_of
from agent.evaluation.log import EvaluationLog
from agent.evaluation.records import Answer, AnswerSource, Grade, GradeKind, Plan, Sampling
from agent.evaluation.run_folder import EvaluationFolder, new_evaluation_folder
from agent.evaluation.suites.human_eval import HumanEval
from cli.exit_codes import ExitCode
from cli.main import main

HOSTILE = "\x1b[31mred"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    return Settings()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "HumanEval.jsonl"
    row = {"prompt": "def f():\n", "entry_point": "f", "canonical_solution": "", "test": ""}
    rows = ({"task_id": f"HumanEval/{i}", **row} for i in range(3))
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def evaluation(settings: Settings, data: Path, run_id: str, kinds: str) -> EvaluationFolder:
    """One letter a task: solved, failed, or nothing recorded."""
    tasks = HumanEval(data).tasks()
    plan = Plan(
        run_id=run_id,
        suite="humaneval",
        data=str(data),
        data_sha256=digest_of(tasks),
        way=AnswerSource.MODEL,
        model="scripted:/x",
    )
    folder = new_evaluation_folder(settings, run_id)
    folder.save_plan(plan)
    with EvaluationLog(folder.log) as log:
        for task, letter in zip(tasks, kinds, strict=True):
            answer = Answer(task_id=task.task_id, sample=0, text=HOSTILE)
            if letter != "-":
                log.add_answers(task.task_id, task.prompt, Sampling(), [answer])
                kind = GradeKind.SOLVED if letter == "s" else GradeKind.FAILED
                log.add_grade(answer, Grade(kind=kind, why=HOSTILE))
    return folder


def test_an_evaluation_is_shown_and_its_files_are_written(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evaluation(settings, data, "20260101-000000-aaaaaaaa", "ssf")
    assert main(["evaluate", "show", "aaaaaaaa"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "66.7 % (20.8 to 93.9)" in shown
    assert folder.page.is_file()
    assert folder.table.read_text().count("\n") == 4
    assert main(["evaluate", "show", str(folder.path), "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["solved"]["value"] == pytest.approx(2 / 3)


def test_what_was_written_is_shown_where_the_data_is_gone_or_another(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(settings, data, "20260101-000000-aaaaaaaa", "ssf")
    assert main(["evaluate", "show", "aaaaaaaa"]) == ExitCode.OK
    data.write_text(data.read_text().replace("def f", "def  f"))
    assert main(["evaluate", "show", "aaaaaaaa"]) == ExitCode.OK
    assert main(["evaluate", "resume", "aaaaaaaa"]) == ExitCode.BAD_INPUT
    assert "other tasks than when the evaluation began" in capsys.readouterr().err
    data.unlink()
    assert main(["evaluate", "show", "aaaaaaaa"]) == ExitCode.OK


def test_what_somebody_else_wrote_cannot_speak_to_the_terminal(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evaluation(settings, data, "20260101-000000-aaaaaaaa", "ssf")
    assert main(["evaluate", "show", "aaaaaaaa"]) == ExitCode.OK
    data.unlink()
    foreign = json.loads(folder.summary.read_text())
    foreign |= {"title": HOSTILE, "notes": [f"{HOSTILE}[red]"], "outcomes": {HOSTILE: 1}}
    foreign["plan"] |= {"model": HOSTILE, "run_id": HOSTILE}
    folder.summary.write_text(json.dumps(foreign))
    capsys.readouterr()
    for words in (["show", str(folder.path)], ["compare", str(folder.path), str(folder.path)]):
        assert main(["evaluate", *words]) == ExitCode.OK
        shown = capsys.readouterr().out
        assert "\x1b" not in shown
        assert "\\x1b[31mred" in shown


def test_the_answers_to_a_task_are_shown_and_colour_nothing(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(settings, data, "20260101-000000-aaaaaaaa", "sf-")
    assert main(["evaluate", "show", "aaaaaaaa", "--task", "HumanEval/1"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert shown.startswith("answer 1: failed: ")
    assert "\x1b" not in shown
    assert main(["evaluate", "show", "aaaaaaaa", "--task", "x"]) == ExitCode.BAD_INPUT


def test_two_evaluations_are_compared_and_have_a_page(
    settings: Settings, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(settings, data, "20260101-000000-aaaaaaaa", "ssf")
    evaluation(settings, data, "20260102-000000-bbbbbbbb", "fff")
    page = tmp_path / "side by side.html"
    words = ["evaluate", "compare", "aaaaaaaa", "bbbbbbbb", "--page", str(page)]
    assert main(words) == ExitCode.OK
    assert "Cannot be told at n = 3 (2 tasks only by 1, 0 only by 2)" in capsys.readouterr().out
    assert page.read_text().startswith("<!doctype html>")
    assert main(["evaluate", "compare", "aaaaaaaa"]) == ExitCode.BAD_INPUT


def test_evaluations_are_listed_newest_first(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "list"]) == ExitCode.OK
    assert "no evaluations yet" in capsys.readouterr().out
    evaluation(settings, data, "20260101-000000-aaaaaaaa", "ssf")
    evaluation(settings, data, "20260102-000000-bbbbbbbb", "s--")
    (settings.state_dir / "evaluations" / "20260103-000000-damaged0").mkdir()
    (settings.state_dir / "evaluations" / "20260103-000000-damaged0" / "plan.json").write_text("{")
    assert main(["evaluate", "list"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "20260102-000000-bbbbbbbb",
        "20260101-000000-aaaaaaaa",
    ]
    assert "unfinished" in lines[1]


def test_an_id_that_is_none_or_several_has_a_sentence(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(settings, data, "20260101-000000-aaaaaaaa", "ssf")
    evaluation(settings, data, "20260101-000000-bbbbbbbb", "ssf")
    assert main(["evaluate", "show", "2026"]) == ExitCode.BAD_INPUT
    assert "stands for 2 evaluations" in capsys.readouterr().err
    assert main(["evaluate", "show", "nothing"]) == ExitCode.BAD_INPUT
    assert "There is no evaluation" in capsys.readouterr().err


def test_a_suite_that_cannot_be_answered_so_leaves_nothing_behind(
    settings: Settings, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "humaneval", str(data), "--model", "none"]) == ExitCode.BAD_INPUT
    assert "name a model, without --loop" in capsys.readouterr().err
    assert not (settings.state_dir / "evaluations").exists()
