"""Suites of projects in a real sandbox: a history, replayed and graded by its own tests."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation.evaluate import chosen_tasks, digest_of, run_evaluation
from agent.evaluation.log import EvaluationLog, read_log
from agent.evaluation.records import Answer, AnswerSource, Plan, Sampling
from agent.evaluation.report.summarize import summarize
from agent.evaluation.report.summary import Summary
from agent.evaluation.run_folder import EvaluationFolder, new_evaluation_folder
from agent.evaluation.suites.opening import open_suite
from sandbox.engines.choose import AnySandbox
from sandbox.environments.build_settings import BuildSettings
from tests.support.evaluation_data import GCD, quixbugs

WRONG, RIGHT = "def double(x):\n    return x * x\n", "def double(x):\n    return x + x\n"
WORKS = "from double import double\n\n\ndef test_two():\n    assert double(2) == 4\n"
SHOWS = WORKS + "\n\ndef test_three():\n    assert double(3) == 6\n"
CHEAT = """\
--- a/test_double.py
+++ b/test_double.py
@@ -1,9 +1,2 @@
-from double import double
-
-
-def test_two():
-    assert double(2) == 4
-
-
-def test_three():
-    assert double(3) == 6
+def test_two(): pass
+def test_three(): pass
--- /dev/null
+++ b/conftest.py
@@ -0,0 +1,3 @@
+import double
+
+double.double = lambda x: x + x
"""


def commit(repository: Path, message: str, **files: str) -> None:
    for name, text in files.items():
        (repository / f"{name}.py").write_text(text)
    for words in (("add", "-A"), ("commit", "-q", "-m", message)):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *identity, *words], cwd=repository, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    commit(folder, "Begin", double=WRONG, test_double=WORKS)
    commit(folder, "Fix doubling of three", double=RIGHT, test_double=SHOWS)
    commit(folder, "Fix the wording", double=RIGHT + "\n# Twice.\n", test_double=SHOWS + "\n# .\n")
    commit(folder, "Add a feature", double=RIGHT, test_double=SHOWS)
    return folder


@pytest.fixture
def settings(
    tmp_path: Path, build_settings: BuildSettings, need_sandbox: Callable[[str], AnySandbox]
) -> Settings:
    need_sandbox("bubblewrap")
    return Settings(state_dir=tmp_path / "state", cache_dir=build_settings.cache_dir)


def begun(
    repository: Path, settings: Settings, way: AnswerSource, **more: object
) -> EvaluationFolder:
    plan = Plan(
        run_id="20260101-000000-00000000",
        suite="history",
        data=str(repository),
        way=way,
        sandbox="bubblewrap",
        at="main",
    )
    plan = replace(plan, **more)  # type: ignore[arg-type]
    plan = replace(plan, data_sha256=digest_of(chosen_tasks(open_suite(plan), plan)))
    folder = new_evaluation_folder(settings, plan.run_id)
    folder.save_plan(plan)
    return folder


def graded(folder: EvaluationFolder, settings: Settings, *, again: bool = False) -> Summary:
    run_evaluation(folder, settings, threading.Event(), lambda _: None, lambda _: None, again=again)
    plan = folder.load_plan()
    suite = open_suite(plan)
    return summarize(plan, suite, chosen_tasks(suite, plan), read_log(folder.log))


def test_a_history_is_replayed_and_only_real_fixes_count(
    repository: Path, settings: Settings
) -> None:
    folder = begun(repository, settings, AnswerSource.REFERENCE)
    summary = graded(folder, settings)
    wording, doubling = summary.rows
    assert (doubling.outcome, doubling.metrics["fail_to_pass"]) == ("solved", 1.0)
    assert doubling.metrics["likeness"] == 1.0
    assert wording.outcome == "not_replayable"
    assert "no test fails without the fix" in wording.why
    assert (summary.counted, summary.solved.value) == (1, 1.0)

    with EvaluationLog(folder.log) as log:  # answers that a repair might have given instead
        for task, text in ((doubling.task_id, CHEAT), (wording.task_id, "")):
            answer = Answer(task_id=task, sample=0, text=text)
            log.add_answers(task, "", Sampling(), [answer])
    again = graded(folder, settings, again=True)
    assert again.rows[1].outcome == "failed", "what decides what tests do is left out"
    assert again.solved.value == 0.0


def test_an_instance_of_the_shape_of_swe_bench_is_graded_by_its_own_lists(
    repository: Path, settings: Settings, tmp_path: Path
) -> None:
    def git(*words: str) -> str:
        ended = subprocess.run(
            ["git", *words], cwd=repository, check=True, capture_output=True, text=True
        )
        return ended.stdout

    base = git("rev-parse", "main~3").strip()
    instance = {
        "instance_id": "a__repository-1",
        "repo": "a/repository",
        "base_commit": base,
        "patch": git("diff", "main~3", "main~2", "--", "double.py"),
        "test_patch": git("diff", "main~3", "main~2", "--", "test_double.py"),
        "problem_statement": "Three is doubled to nine.",
        "FAIL_TO_PASS": json.dumps(["test_double.py::test_three"]),
        "PASS_TO_PASS": json.dumps(["test_double.py::test_two"]),
    }
    other = {**instance, "instance_id": "a__repository-2", "PASS_TO_PASS": ["test_double.py::gone"]}
    lost = {**instance, "instance_id": "a__repository-3", "repo": "a/elsewhere"}
    data = tmp_path / "instances.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in (instance, other, lost)))
    checkouts = str(repository.parent)
    folder = begun(
        data, settings, AnswerSource.REFERENCE, suite="swe-bench", at=None, checkouts=checkouts
    )
    rows = graded(folder, settings).rows
    assert [row.outcome for row in rows] == ["solved", "not_replayable", "not_replayable"]
    assert "test_double.py::gone does not pass here with the reference fix" in rows[1].why
    assert "holds no clone of a/elsewhere" in rows[2].why


def test_listed_fixes_are_replayed_from_the_clones_that_are_there(
    repository: Path, settings: Settings, tmp_path: Path
) -> None:
    words = ("git", "rev-parse", "main~3", "main~2")
    ended = subprocess.run(words, cwd=repository, check=True, capture_output=True, text=True)
    parent, fix = ended.stdout.split()
    row = {
        "repo": "a/repository",
        "parent": parent,
        "fix": fix,
        "src": "double.py",
        "test_files": ["test_double.py"],
        "test_side_files": ["test_double.py"],
        "f2p": ["test_double.py::test_three"],
    }
    data = tmp_path / "fixes.jsonl"
    rows = (row, {**row, "repo": "a/elsewhere"})
    data.write_text("".join(json.dumps(one) + "\n" for one in rows))
    checkouts = str(repository.parent)
    folder = begun(
        *(data, settings, AnswerSource.REFERENCE), suite="fixes", at=None, checkouts=checkouts
    )
    here, lost = graded(folder, settings).rows
    assert (here.task_id, here.outcome) == (f"a/repository@{fix[:12]}", "solved")
    assert (here.metrics["fail_to_pass"], here.metrics["likeness"]) == (1.0, 1.0)
    assert lost.outcome == "not_answered"
    suite = open_suite(folder.load_plan())
    project = tmp_path / "given"
    project.mkdir()
    target = suite.project(suite.tasks()[0], project)  # type: ignore[attr-defined]
    assert target.only == ("test_double.py::test_three",)


MEMORIZED = "def gcd(a, b):\n    return 7 if b else a\n"
BEYOND = {
    "right": (f"Swapped:\n```python\n{GCD.format('b')}```\n", "solved"),
    "memorized": (f"```python\n{MEMORIZED}```", "failed"),
    "buggy": (f"```python\n{GCD.format('a')}```", "failed"),
    "none": ("I would rather not.", "no_code"),
    "liar": (
        f"```python\nimport os\n{MEMORIZED}\nif __name__ == 'gcd':\n"
        "    os.write(1, b'{}'); os._exit(0)\n```",
        "failed",
    ),
}


@pytest.mark.slow  # five answers, each in five sandbox sessions
def test_a_quixbugs_answer_must_be_right_beyond_its_tests(
    settings: Settings, tmp_path: Path
) -> None:
    data, script = quixbugs(tmp_path / "checkout"), tmp_path / "script.jsonl"
    answers = [answer for answer, _ in BEYOND.values()]
    script.write_text("".join(json.dumps({"content": text}) + "\n" for text in answers))
    folder = begun(
        *(data, settings, AnswerSource.MODEL),
        suite="quixbugs",
        at=None,
        model=f"scripted:{script}",
        samples=len(BEYOND),
    )
    summary = graded(folder, settings)
    grades = read_log(folder.log).grades
    kinds = [grades["gcd", number].kind.value for number in range(len(BEYOND))]
    assert kinds == [kind for _, kind in BEYOND.values()]
    assert summary.rows[0].solved == 1
    right, memorized, buggy = (grades["gcd", number] for number in range(3))
    assert right.why.endswith("500 inputs beyond them give the same")
    assert memorized.why.startswith("all 1 tests pass, but not on inputs beyond them: ")
    assert (memorized.metrics["tests_pass"], buggy.metrics["tests_pass"]) == (1.0, 0.0)
    assert memorized.metrics["unseen_differing"] > 100
    assert "it ended early" in grades["gcd", 4].why
    for way, share in ((AnswerSource.REFERENCE, 1.0), (AnswerSource.BUGGY, 0.0)):
        known = begun(data, settings, way, suite="quixbugs", at=None, run_id=way.value)
        assert graded(known, settings).solved.value == share
