"""How alike two fixes are, and how tests are called."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.evaluation.grading.project_tests import (
    ProjectCase,
    ProjectTests,
    Replay,
    likeness,
    spelled,
)
from agent.patches.changes import FileChange
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.runners.base import TestReport

BASE = b"a\nb\nc\nd\n"
FIX = {"x.py": (BASE, b"a\nB\nc\nd\n")}


def test_the_same_fix_is_alike_and_another_is_not() -> None:
    assert likeness(FIX, FIX) == 1.0
    assert likeness(FIX, {"x.py": (BASE, b"a\nb\nc\nD\n")}) == 0.0
    assert likeness(FIX, {}) == 0.0
    half = likeness(FIX, {"x.py": (BASE, b"a\nB\nc\nD\n")})
    assert 0.0 < half < 1.0
    assert likeness({}, {}) == 0.0


def test_a_fix_that_touches_more_files_is_less_alike() -> None:
    assert likeness(FIX, {**FIX, "y.py": (b"z\n", b"w\n")}) < 1.0


@pytest.mark.parametrize(
    ("runner", "names"),
    [
        (RunnerKind.PYTEST, ("tests/test_a.py", "t/b.py::C::test_d")),
        (RunnerKind.UNITTEST, ("tests.test_a", "t.b.C.test_d")),
    ],
)
def test_tests_are_called_as_the_runner_takes_them(
    runner: RunnerKind, names: tuple[str, ...]
) -> None:
    project = SimpleNamespace(runner=runner)
    assert spelled(project, ["tests/test_a.py", "t/b.py::C::test_d"]) == names  # type: ignore[arg-type]


def test_an_answer_brings_nothing_that_decides_what_tests_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, scratch = tmp_path / "project", tmp_path / "scratch"
    for folder in (project / "tests", scratch):
        folder.mkdir(parents=True)
    (project / "shop.py").write_text("def f():\n    return 1\n")
    (project / "tests" / "test_shop.py").write_text("def test_f():\n    pass\n")
    ran: list[list[str]] = []

    def run(_tests: ProjectTests, changes: dict[str, FileChange]) -> TestReport:
        ran.append(sorted(changes))
        command: Any = None
        return TestReport(results={}, finished=True, command=command)

    monkeypatch.setattr(ProjectTests, "run", run)
    case = ProjectCase(folder=project, fix={}, tests=("tests/test_shop.py",))
    sandbox_provider: Any = None
    tests = ProjectTests(sandbox_provider, case, 1.0, scratch)
    kept = ("shop.py", "helper.py", "docs/notes.txt")
    left_out = ("conftest.py", "pytest.ini", "tests/test_shop.py", "pytest.py", "setup.cfg")
    changes: dict[str, FileChange] = dict.fromkeys((*kept, *left_out), (None, b"x = 1\n"))
    tests.grade(changes, Replay(required=("t",), fail_to_pass=("t",)))
    assert ran == [sorted(kept)]
