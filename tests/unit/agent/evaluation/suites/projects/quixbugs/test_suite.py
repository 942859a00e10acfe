"""QuixBugs as a suite: which inputs are asked, and which programs cannot be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation.errors import DataUnreadable
from agent.evaluation.evaluate import chosen_tasks, digest_of, run_evaluation
from agent.evaluation.grading.sandbox_provider import ProgramRunner, SandboxProvider
from agent.evaluation.log import read_log
from agent.evaluation.records import AnswerSource, Grade, GradeKind, Plan, Task
from agent.evaluation.report.summarize import summarize
from agent.evaluation.run_folder import new_evaluation_folder
from agent.evaluation.suites.projects.quixbugs.inputs import inputs
from agent.evaluation.suites.projects.quixbugs.suite import SEED, QuixBugs, unseen_inputs


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("gcd", "other"):
        for path, text in {
            "conftest.py": "",
            f"python_programs/{name}.py": f"def {name}(a, b):\n    return a\n",
            f"correct_python_programs/{name}.py": f"def {name}(a, b):\n    return b\n",
            f"python_testcases/test_{name}.py": "from load_testdata import load_json_testcases\n",
            "python_testcases/load_testdata.py": "",
            f"json_testcases/{name}.json": "",
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
    return tmp_path


def task_of(checkout: Path, name: str) -> Task:
    return next(task for task in QuixBugs(checkout).tasks() if task.task_id == name)


def test_no_input_is_one_of_the_tests(checkout: Path) -> None:
    drawn = inputs("gcd", SEED, 500, [])
    asked = unseen_inputs(task_of(checkout, "gcd"))
    assert asked == drawn
    (checkout / "json_testcases/gcd.json").write_text(f"[{drawn[0]}, 1]\n\n[{drawn[9]}, 2]\n")
    unseen = unseen_inputs(task_of(checkout, "gcd"))
    assert drawn[0] not in unseen
    assert drawn[9] not in unseen
    assert len(unseen) == 500


def damaged_cases(checkout: Path) -> str:
    (checkout / "json_testcases/gcd.json").write_text("no JSON")
    return "json_testcases/gcd.json holds no test cases"


def absent_program(checkout: Path) -> str:
    (checkout / "correct_python_programs/gcd.py").unlink()
    return "correct_python_programs/gcd.py cannot be read"


def not_utf8(checkout: Path) -> str:
    (checkout / "python_programs/gcd.py").write_bytes(b"\xff")
    return "python_programs/gcd.py cannot be read"


@pytest.mark.parametrize("damage", [damaged_cases, absent_program, not_utf8])
def test_what_one_program_lacks_is_said_and_the_others_go_on(
    checkout: Path, settings: Settings, damage: Callable[[Path], str]
) -> None:
    why = damage(checkout)
    plan = Plan(
        run_id="20260101-000000-00000000",
        suite="quixbugs",
        data=str(checkout),
        way=AnswerSource.REFERENCE,
        only=("gcd",),
        sandbox="bubblewrap",
    )
    suite = QuixBugs(checkout)
    tasks = chosen_tasks(suite, plan)
    folder = new_evaluation_folder(settings, plan.run_id)
    folder.save_plan(replace(plan, data_sha256=digest_of(tasks)))
    run_evaluation(folder, settings, threading.Event(), lambda _: None, lambda _: None)
    summary = summarize(plan, suite, tasks, read_log(folder.log))
    assert (summary.rows[0].outcome, summary.solved.value) == ("not_answered", 0.0)
    assert why in summary.rows[0].why
    assert task_of(checkout, "other").reference


@pytest.mark.parametrize("text", ["no JSON", "{}", "[]", "7"])
def test_damaged_test_cases_are_named(checkout: Path, text: str) -> None:
    (checkout / "json_testcases/gcd.json").write_text(text)
    fault = task_of(checkout, "gcd").data["fault"]
    assert "json_testcases/gcd.json holds no test cases" in fault


def test_a_checkout_that_lacks_something_of_all_is_refused(checkout: Path) -> None:
    (checkout / "conftest.py").unlink()
    with pytest.raises(DataUnreadable, match=r"conftest\.py cannot be read"):
        QuixBugs(checkout).tasks()


def test_a_program_without_inputs_beyond_its_tests_is_no_part_of_the_share(
    checkout: Path, tmp_path: Path, runner: ProgramRunner
) -> None:
    passes = Grade(kind=GradeKind.SOLVED, why="all tests pass")
    grade = QuixBugs(checkout).graded_further(task_of(checkout, "other"), passes, {}, runner)
    assert grade.kind is GradeKind.NOT_REPLAYABLE
    assert "no inputs beyond its tests" in grade.why


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")


@pytest.fixture
def runner(tmp_path: Path) -> ProgramRunner:
    """Nothing is opened before it is used."""
    return ProgramRunner(SandboxProvider(Settings(), "bubblewrap", threading.Event(), tmp_path), 1)
