"""Whole evaluations of made-up suites in a real sandbox: grades, resumes, grading again."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Settings
from agent.evaluation.evaluate import chosen_tasks, digest_of, run_evaluation
from agent.evaluation.log import read_log
from agent.evaluation.records import AnswerSource, Plan
from agent.evaluation.report.summarize import summarize
from agent.evaluation.report.summary import Summary
from agent.evaluation.run_folder import EvaluationFolder, new_evaluation_folder
from agent.evaluation.suites.opening import open_suite
from sandbox.engines.choose import AnySandbox
from tests.support.evaluation_data import fix_in_javascript

PROMPT = 'def double(x):\n    """Twice x."""\n'
TEST = "\ndef check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0\n"
ANSWERS = {
    "right": "```python\ndef double(x):\n    return x + x\n```",
    "continued": "    return 2 * x\n",
    "wrong": "```python\ndef double(x):\n    return x * x * x\n```",
    "prose": "I would rather not.",
    "exits": "```python\nimport os\ndef double(x):\n    os._exit(0)\n```",
    "exits_politely": "```python\ndef double(x):\n    raise SystemExit(0)\n```",
    "endless": "```python\ndef double(x):\n    while True: pass\n```",
    "forks": "```python\nimport os\ndef double(x):\n    while True: os.fork()\n```",
    "fills": "```python\ndef double(x):\n    f = open('big', 'wb')\n"
    "    while True: f.write(bytes(1 << 20))\n```",
    "grows": "```python\ndef double(x):\n    y = []\n    while True: y.append(bytes(1 << 24))\n```",
    "after_all": "```python\ndef double(x):\n    return x + x\n```",
}
KINDS = {
    "right": "solved",
    "continued": "solved",
    "prose": "no_code",
    "endless": "timed_out",
    "after_all": "solved",
}


@pytest.fixture
def settings(tmp_path: Path, need_sandbox: Callable[[str], AnySandbox]) -> Settings:
    need_sandbox("bubblewrap")
    return Settings(
        state_dir=tmp_path / "state",
        cache_dir=tmp_path / "cache",
        memory_mebibytes=256,
        workspace_mebibytes=32,
        processes=40,
    )


def human_eval(path: Path, names: list[str]) -> Path:
    rows = [
        {
            "task_id": name,
            "prompt": PROMPT,
            "entry_point": "double",
            "canonical_solution": "    return 2 * x\n",
            "test": TEST,
        }
        for name in names
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def begun(plan: Plan, settings: Settings) -> EvaluationFolder:
    tasks = chosen_tasks(open_suite(plan), plan)
    folder = new_evaluation_folder(settings, plan.run_id)
    folder.save_plan(replace(plan, data_sha256=digest_of(tasks)))
    return folder


def run(folder: EvaluationFolder, settings: Settings, *, again: bool = False) -> Summary:
    stop = threading.Event()
    run_evaluation(folder, settings, stop, lambda _: None, lambda _: None, again=again)
    plan = folder.load_plan()
    suite = open_suite(plan)
    return summarize(plan, suite, chosen_tasks(suite, plan), read_log(folder.log))


def plan_of(data: Path, way: AnswerSource, **more: object) -> Plan:
    plan = Plan(
        run_id="20260101-000000-00000000",
        suite="humaneval",
        data=str(data),
        way=way,
        sandbox="bubblewrap",
        test_seconds=2.0,
        parallel=1,
    )
    return replace(plan, **more)  # type: ignore[arg-type]


def script(path: Path, answers: list[str]) -> str:
    path.write_text("".join(json.dumps({"content": text}) + "\n" for text in answers))
    return f"scripted:{path}"


def test_only_what_passes_its_tests_is_solved(tmp_path: Path, settings: Settings) -> None:
    data = human_eval(tmp_path / "HumanEval.jsonl", list(ANSWERS))
    model = script(tmp_path / "script.jsonl", list(ANSWERS.values()))
    summary = run(begun(plan_of(data, AnswerSource.MODEL, model=model), settings), settings)
    outcomes = {row.task_id: row.outcome for row in summary.rows}
    solved = {name for name, outcome in outcomes.items() if outcome == "solved"}
    assert solved == {"right", "continued", "after_all"}
    assert {name: outcomes[name] for name in KINDS} == KINDS
    assert "not_answered" not in outcomes.values()
    assert "infrastructure" not in outcomes.values()


def test_answers_to_one_task_do_not_spoil_each_other(tmp_path: Path, settings: Settings) -> None:
    data = human_eval(tmp_path / "HumanEval.jsonl", ["only"])
    answers = [ANSWERS[name] for name in ("fills", "right", "forks", "right")]
    model = script(tmp_path / "script.jsonl", answers)
    plan = plan_of(data, AnswerSource.MODEL, model=model, samples=4)
    summary = run(begun(plan, settings), settings)
    assert (summary.rows[0].samples, summary.rows[0].solved) == (4, 2)
    assert summary.pass_at[2].value == pytest.approx(1 - 1 / 6)


def test_reference_answers_are_right_buggy_ones_wrong(tmp_path: Path, settings: Settings) -> None:
    data = human_eval(tmp_path / "HumanEval.jsonl", ["a", "b"])
    right = run(begun(plan_of(data, AnswerSource.REFERENCE, run_id="right"), settings), settings)
    wrong = run(begun(plan_of(data, AnswerSource.BUGGY, run_id="wrong"), settings), settings)
    assert (right.solved.value, wrong.solved.value) == (1.0, 0.0)
    assert right.complete


def test_a_killed_evaluation_goes_on_and_ends_the_same(tmp_path: Path, settings: Settings) -> None:
    data = human_eval(tmp_path / "HumanEval.jsonl", ["a", "b", "c"])
    folder = begun(plan_of(data, AnswerSource.REFERENCE), settings)
    whole = run(folder, settings)
    log = folder.log.read_bytes()
    for size in (len(log) // 4, len(log) // 2, len(log) - 5):
        folder.log.write_bytes(log[:size])
        assert run(folder, settings).outcomes == whole.outcomes


def test_grading_again_asks_no_model(tmp_path: Path, settings: Settings) -> None:
    data = human_eval(tmp_path / "HumanEval.jsonl", ["a"])
    model = script(tmp_path / "script.jsonl", [ANSWERS["wrong"]])
    folder = begun(plan_of(data, AnswerSource.MODEL, model=model), settings)
    assert run(folder, settings).solved.value == 0.0
    (tmp_path / "script.jsonl").unlink()
    assert run(folder, settings, again=True).outcomes == {"failed": 1}
    assert folder.log.read_text().count('"kind": "grade"') == 2


FUNCTION = "```js\nconst double = (x) => {{\n{0}\n}}\n```"
IN_JAVASCRIPT = {
    "right": ("Not this:\n```js\nlet a = 1;\n```\n" + FUNCTION.format("return x + x;"), "solved"),
    "endless": (FUNCTION.format("while (true) {}"), "timed_out"),
    "exits": (FUNCTION.format("process.exit(0);"), "failed"),
    "leaves": ("```js\nconst double = () => 7;\nreturn;\n```", "failed"),
    "silent": ("```js\nconsole.assert = () => {};\nconst double = () => 7;\n```", "failed"),
    "later": (FUNCTION.format("setTimeout(() => { throw Error(); }); return 2 * x;"), "failed"),
    "fills": (
        FUNCTION.format("for (;;) require('fs').appendFileSync('x', Buffer.alloc(1 << 22));"),
        "failed",
    ),
    "prose": ("I would rather not.", "no_code"),
    "after_all": (FUNCTION.format("return x + x;"), "solved"),
}


def test_only_javascript_that_passes_its_tests_is_solved(
    tmp_path: Path, settings: Settings
) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no Node")
    data = fix_in_javascript(tmp_path / "data", 1)
    model = script(tmp_path / "script.jsonl", [answer for answer, _ in IN_JAVASCRIPT.values()])
    plan = plan_of(
        *(data, AnswerSource.MODEL), suite="humanevalfix", model=model, samples=len(IN_JAVASCRIPT)
    )
    folder = begun(plan, settings)
    assert run(folder, settings).rows[0].solved == 2
    grades = read_log(folder.log).grades
    kinds = [grades["JavaScript/0", i].kind.value for i in range(len(IN_JAVASCRIPT))]
    assert kinds == [kind for _, kind in IN_JAVASCRIPT.values()]


@pytest.mark.slow  # a whole repair
def test_a_repair_mends_a_javascript_function(tmp_path: Path, settings: Settings) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no Node")
    data = fix_in_javascript(tmp_path / "data", 1)
    folder = begun(plan_of(data, AnswerSource.SEARCH, suite="humanevalfix"), settings)
    summary = run(folder, settings)
    assert summary.outcomes == {"solved": 1}
    (answer,) = read_log(folder.log).answers["JavaScript/0"]
    assert "+++ b/solution.js" in answer.text
