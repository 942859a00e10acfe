"""QuixBugs as a suite: which inputs are asked, and which programs cannot be."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.sandbox_provider import ProgramRunner, SandboxProvider
from agent.evaluation.records import Grade, GradeKind, Task
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


@pytest.mark.parametrize("text", ["no JSON", "{}", "[]", "7"])
def test_damaged_test_cases_have_a_sentence_before_anything_is_asked(
    checkout: Path, text: str
) -> None:
    (checkout / "json_testcases/gcd.json").write_text(text)
    with pytest.raises(DataUnreadable, match=r"json_testcases/gcd\.json"):
        QuixBugs(checkout).tasks()


def test_a_program_without_inputs_beyond_its_tests_is_no_part_of_the_share(
    checkout: Path, tmp_path: Path, runner: ProgramRunner
) -> None:
    passes = Grade(kind=GradeKind.SOLVED, why="all tests pass")
    grade = QuixBugs(checkout).graded_further(task_of(checkout, "other"), passes, {}, runner)
    assert grade.kind is GradeKind.NOT_REPLAYABLE
    assert "no inputs beyond its tests" in grade.why


@pytest.fixture
def runner(tmp_path: Path) -> ProgramRunner:
    """Nothing is opened before it is used."""
    return ProgramRunner(SandboxProvider(Settings(), "bubblewrap", threading.Event(), tmp_path), 1)
