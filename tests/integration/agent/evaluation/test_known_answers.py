"""Each suite run whole with answers whose worth is known: all right, all wrong, every third
damaged, and with a log cut as a kill leaves it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation.evaluate import chosen_tasks, digest_of, run_evaluation
from agent.evaluation.log import EvaluationLog, read_log
from agent.evaluation.records import Answer, AnswerSource, Plan, Sampling, Task
from agent.evaluation.report.summarize import summarize
from agent.evaluation.report.summary import Summary
from agent.evaluation.run_folder import EvaluationFolder, new_evaluation_folder
from agent.evaluation.suites.opening import open_suite
from sandbox.engines.choose import AnySandbox
from sandbox.environments.build_settings import BuildSettings
from tests.support.evaluation_data import DAMAGED, PROGRAM_SUITES, repository, script, written

TASKS = 3


@pytest.fixture
def settings(
    tmp_path: Path, build_settings: BuildSettings, need_sandbox: Callable[[str], AnySandbox]
) -> Settings:
    need_sandbox("bubblewrap")
    return Settings(state_dir=tmp_path / "state", cache_dir=build_settings.cache_dir)


def cases() -> list[object]:
    """The suites whose tests need NumPy have it installed."""
    slow = pytest.mark.slow
    return [pytest.param(n, marks=slow) if n[-1] == "+" else n for n in sorted(PROGRAM_SUITES)]


@pytest.fixture(params=cases())
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> Plan:
    """Of one suite whose answers are programs."""
    if request.param.endswith("-js") and shutil.which("node") is None:
        pytest.skip("there is no Node")
    suite, write = PROGRAM_SUITES[request.param]
    data = write(tmp_path / "data", TASKS)
    return made(suite, data, AnswerSource.REFERENCE)


def made(suite: str, data: Path, way: AnswerSource) -> Plan:
    return Plan(
        run_id=f"20260101-000000-{way.value}",
        suite=suite,
        data=str(data),
        way=way,
        sandbox="bubblewrap",
        parallel=1,
    )


def tasks_of(plan: Plan) -> Sequence[Task]:
    return chosen_tasks(open_suite(plan), plan)


def begun(plan: Plan, settings: Settings) -> EvaluationFolder:
    folder = new_evaluation_folder(settings, plan.run_id)
    folder.save_plan(replace(plan, data_sha256=digest_of(tasks_of(plan))))
    return folder


def run(folder: EvaluationFolder, settings: Settings, *, again: bool = False) -> Summary:
    stop = threading.Event()
    run_evaluation(folder, settings, stop, lambda _: None, lambda _: None, again=again)
    plan = folder.load_plan()
    return summarize(plan, open_suite(plan), tasks_of(plan), read_log(folder.log))


def every_third_damaged(tasks: Sequence[Task]) -> list[str]:
    return [
        task.reference.replace(*DAMAGED) if number % 3 == 2 else task.reference
        for number, task in enumerate(tasks)
    ]


def outcomes(summary: Summary) -> list[str]:
    return [row.outcome for row in summary.rows]


def test_what_is_known_is_graded_as_it_is(plan: Plan, settings: Settings, tmp_path: Path) -> None:
    assert outcomes(run(begun(plan, settings), settings)) == ["solved"] * TASKS
    buggy = replace(plan, way=AnswerSource.BUGGY, run_id="20260101-000000-buggy")
    assert outcomes(run(begun(buggy, settings), settings)) == ["failed"] * TASKS
    answers = [f"Here:\n```\n{text}\n```" for text in every_third_damaged(tasks_of(plan))]
    model = script(tmp_path / "script.jsonl", answers)
    damaged = replace(plan, way=AnswerSource.MODEL, model=model, run_id="20260101-000000-third")
    summary = run(begun(damaged, settings), settings)
    assert outcomes(summary) == ["solved", "solved", "failed"] * (TASKS // 3)
    assert summary.solved.value == pytest.approx(2 / 3)


@pytest.mark.nightly  # 20 resumes of each suite
def test_one_killed_20_times_ends_the_same(plan: Plan, settings: Settings) -> None:
    """A kill leaves the log up to some byte: whatever that is, the rest is done again."""
    data = Path(plan.data)
    if data.is_file():  # one of its own solutions is wrong
        *rows, last = data.read_text().splitlines(keepends=True)
        data.write_text("".join((*rows, last.replace(*DAMAGED))))
    folder = begun(plan, settings)
    whole = run(folder, settings)
    assert outcomes(whole) == ["solved", "solved", "failed" if data.is_file() else "solved"]
    draw = random.Random(plan.suite)
    for _ in range(20):
        content = folder.log.read_bytes()
        folder.log.write_bytes(content[: draw.randrange(len(content))])
        again = run(folder, settings)
        assert (outcomes(again), again.solved) == (outcomes(whole), whole.solved)


def listed(folder: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    rows = (
        {
            "repo": "a/repository",
            "parent": before,
            "fix": after,
            "src": f"double_{i}.py",
            "test_files": [f"test_double_{i}.py"],
            "test_side_files": [f"test_double_{i}.py"],
            "f2p": [f"test_double_{i}.py::test_three"],
        }
        for i, (before, after) in enumerate(pairs)
    )
    return written(folder / "fixes.jsonl", rows)


def instances(folder: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    """In the shape of SWE-bench, with diffs written by hand."""
    rows = (
        {
            "instance_id": f"a__repository-{i}",
            "repo": "a/repository",
            "base_commit": before,
            "patch": f"--- a/double_{i}.py\n+++ b/double_{i}.py\n@@ -1,2 +1,2 @@\n"
            f" def double_{i}(x):\n-    return x * x\n+    return x + x\n",
            "test_patch": f"--- /dev/null\n+++ b/test_double_{i}.py\n@@ -0,0 +1,5 @@\n"
            f"+from double_{i} import double_{i}\n+\n+\n+def test_three():\n"
            f"+    assert double_{i}(3) == 6\n",
            "problem_statement": "Three is doubled to nine.",
            "FAIL_TO_PASS": [f"test_double_{i}.py::test_three"],
            "PASS_TO_PASS": [],
        }
        for i, (before, _) in enumerate(pairs)
    )
    return written(folder / "instances.jsonl", rows)


def bugs_in_py(folder: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    project = folder / "projects/repository"
    for i, (before, after) in enumerate(pairs):
        bug = project / f"bugs/{i + 1}"
        bug.mkdir(parents=True)
        (bug / "bug.info").write_text(
            f'python_version="3.8"\nbuggy_commit_id="{before}"\nfixed_commit_id="{after}"\n'
            f'test_file="test_double_{i}.py"\n'
        )
        (bug / "run_test.sh").write_text(f"pytest test_double_{i}.py::test_three\n")
        (bug / "bug_patch.txt").write_text(
            f"diff --git a/double_{i}.py b/double_{i}.py\n--- a/double_{i}.py\n"
            f"+++ b/double_{i}.py\n@@ -1,2 +1,2 @@\n def double_{i}(x):\n"
            "-    return x * x\n+    return x + x\n"
        )
    (project / "project.info").write_text('github_url="https://github.com/a/repository"\n')
    return folder


def own_history(folder: Path, _pairs: Sequence[tuple[str, str]]) -> Path:
    return folder / "clones/repository"


@pytest.mark.slow  # a project's environment, and each task's tests three times
@pytest.mark.parametrize(
    ("suite", "write"),
    [
        ("fixes", listed),
        ("swe-bench", instances),
        ("bugsinpy", bugs_in_py),
        ("history", own_history),
    ],
)
def test_every_third_patch_damaged_gives_exactly_that_count(
    suite: str,
    write: Callable[[Path, Sequence[tuple[str, str]]], Path],
    settings: Settings,
    tmp_path: Path,
) -> None:
    clone, pairs = repository(tmp_path / "clones/repository", 3)
    plan = made(suite, write(tmp_path, pairs), AnswerSource.REFERENCE)
    plan = replace(plan, checkouts=str(clone.parent), at="main")
    folder, tasks = begun(plan, settings), tasks_of(plan)
    with EvaluationLog(folder.log) as log:
        for task, text in zip(tasks, every_third_damaged(tasks), strict=True):
            answer = Answer(task_id=task.task_id, sample=0, text=text)
            log.add_answers(task.task_id, "", Sampling(), [answer])
    whole = run(folder, settings)
    assert outcomes(whole) == ["solved", "solved", "failed"]
    content = folder.log.read_bytes()
    folder.log.write_bytes(content[: content.rindex(b'"kind": "grade"')])  # as a kill leaves it
    assert outcomes(run(folder, settings)) == outcomes(whole)


@pytest.mark.nightly  # 20 processes, and two seconds for each task
def test_the_command_killed_20_times_ends_the_same(settings: Settings, tmp_path: Path) -> None:
    data = PROGRAM_SUITES["humaneval"][1](tmp_path / "data", 20)
    rows = data.read_text().replace("    assert", "    __import__('time').sleep(2); assert")
    lines = rows.splitlines(keepends=True)
    data.write_text(
        "".join(line.replace(*DAMAGED) if i % 3 else line for i, line in enumerate(lines))
    )
    folder = begun(made("humaneval", data, AnswerSource.REFERENCE), settings)
    command = [sys.executable, "-m", "cli.main", "evaluate", "resume", folder.run_id, "--json"]
    variables = {**os.environ, "REPAIR_STATE_DIR": str(settings.state_dir)}
    variables["REPAIR_CACHE_DIR"] = str(settings.cache_dir)
    draw, kills = random.Random(1), 0
    for _ in range(20):
        process = subprocess.Popen(
            command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(1.0, 6.0))
        kills += process.poll() is None
        process.kill()
        process.wait()
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    summary = json.loads(ended.stdout)
    assert kills >= 10, "it was over too soon to be killed"
    assert [row["outcome"] for row in summary["rows"]] == [
        "failed" if i % 3 else "solved" for i in range(20)
    ]
