"""Every suite reads its data as it is published, and says what is wrong with other data."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.evaluation.errors import CannotSolve, DataUnreadable
from agent.evaluation.evaluate import check_way, chosen_tasks, digest_of
from agent.evaluation.log import LogContents
from agent.evaluation.records import Answer, AnswerSource, Plan
from agent.evaluation.suites.code_refinement import CodeRefinement, method_of
from agent.evaluation.suites.fix_in_javascript import FixInJavaScript
from agent.evaluation.suites.human_eval_fix import HumanEvalFix
from agent.evaluation.suites.mbpp import function_name
from agent.evaluation.suites.opening import MAKERS, open_suite
from agent.evaluation.suites.projects.bugs_in_py import named_tests
from agent.evaluation.suites.projects.own_history import is_test_side
from agent.evaluation.suites.projects.swe_bench import predictions
from cli.apps.evaluate import SUITES

HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def f():\n",
    "entry_point": "f",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}
FIX = {
    "task_id": "Python/0",
    "declaration": "import math\n\n\ndef f():\n",
    "canonical_solution": "    return 1\n",
    "buggy_solution": "    return 2\n",
    "entry_point": "f",
    "test": "def check(f):\n    assert f() == 1\n\ncheck(f)",
}
LISTED = {
    "repo": "o/n",
    "parent": "0" * 40,
    "fix": "1" * 40,
    "src": "x.py",
    "test_files": ["test_x.py"],
    "test_side_files": ["test_x.py"],
    "f2p": ["test_x.py::test_a"],
}
INSTANCE = {
    "instance_id": "o__n-1",
    "repo": "o/n",
    "base_commit": "0" * 40,
    "patch": "--- a/x.py\n+++ b/x.py\n",
    "test_patch": "",
    "problem_statement": "It fails.",
    "FAIL_TO_PASS": '["tests/test_x.py::test_a"]',
    "PASS_TO_PASS": ["tests/test_x.py::test_b"],
}


def mbpp(number: int) -> Mapping[str, Any]:
    tests = [f"assert set(f({number})) == set([1])"]
    return {"task_id": number, "text": "Write f.", "code": "def f(x): ...", "test_list": tests}


def plan(suite: str, data: Path, way: AnswerSource = AnswerSource.REFERENCE) -> Plan:
    return Plan(run_id="r", suite=suite, data=str(data), way=way)


def written(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_the_command_line_has_all_suites() -> None:
    assert set(SUITES) == set(MAKERS)


@pytest.mark.parametrize(
    ("suite", "name", "row"),
    [
        ("humaneval", "data/HumanEval.jsonl.gz", HUMAN_EVAL),
        ("humaneval+", "HumanEvalPlus-OriginFmt.jsonl.gz", HUMAN_EVAL),
        ("mbpp", "mbpp.jsonl", mbpp(11)),
        ("mbpp+", "MbppPlus-OriginFmt.jsonl.gz", {**mbpp(2), "prompt": "Write f.", "test": "x"}),
        ("humanevalfix", "humanevalpack.jsonl", FIX),
        ("swe-bench", "instances.jsonl", INSTANCE),
    ],
)
def test_data_is_read_from_its_folder_or_file(
    tmp_path: Path, suite: str, name: str, row: Mapping[str, Any]
) -> None:
    file = written(tmp_path / name, row)
    by_folder = open_suite(plan(suite, tmp_path)).tasks()
    by_file = open_suite(plan(suite, file)).tasks()
    assert len(by_folder) == 1
    assert digest_of(by_folder) == digest_of(by_file)
    assert by_folder[0].reference


@pytest.mark.parametrize("suite", sorted(set(MAKERS) - {"history"}))
def test_other_data_is_refused_with_a_sentence(tmp_path: Path, suite: str) -> None:
    other = written(tmp_path / "other.jsonl", {"question": "?"})
    empty = tmp_path / "empty"
    empty.mkdir()
    for data in (empty, other, tmp_path / "missing"):
        with pytest.raises(DataUnreadable, match=r"\w+"):
            open_suite(plan(suite, data)).tasks()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null\n", b"[" * 100_000])
def test_damaged_files_are_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "HumanEval.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataUnreadable, match=str(path)):
        open_suite(plan("humaneval", path)).tasks()


def test_listed_fixes_are_named_by_repository_and_commit(tmp_path: Path) -> None:
    (task,) = open_suite(plan("fixes", written(tmp_path / "fixes.jsonl", LISTED))).tasks()
    assert (task.task_id, task.group) == ("o/n@111111111111", "o/n")
    path = written(tmp_path / "other.jsonl", {**LISTED, "f2p": [7]})
    with pytest.raises(DataUnreadable, match="something else than texts in 'f2p'"):
        open_suite(plan("fixes", path)).tasks()


def test_inputs_without_results_are_told_from_tests(tmp_path: Path) -> None:
    path = written(tmp_path / "HumanEvalPlus.jsonl", {**HUMAN_EVAL, "plus_input": []})
    with pytest.raises(DataUnreadable, match="OriginFmt"):
        open_suite(plan("humaneval+", path)).tasks()


@pytest.mark.parametrize("language", ["Rust", "Go", "Java", "C++", "", "python"])
def test_another_language_is_refused_with_the_reason(tmp_path: Path, language: str) -> None:
    path = written(tmp_path / "humanevalpack.jsonl", FIX, {**FIX, "task_id": f"{language}/0"})
    with pytest.raises(DataUnreadable, match="only Python and JavaScript can be graded here"):
        open_suite(plan("humanevalfix", path)).tasks()


def test_of_the_whole_mbpp_the_test_tasks_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "mbpp.jsonl", *(mbpp(number) for number in range(1, 975)))
    tasks = open_suite(plan("mbpp", path)).tasks()
    assert [tasks[0].task_id, tasks[-1].task_id, len(tasks)] == ["Mbpp/11", "Mbpp/510", 500]


def test_a_function_to_fix_is_a_project_whose_tests_are_found(tmp_path: Path) -> None:
    suite = HumanEvalFix(written(tmp_path / "humanevalpack.jsonl", FIX))
    project = tmp_path / "project"
    project.mkdir()
    suite.project(suite.tasks()[0], project)
    assert (project / "solution.py").read_text() == "import math\n\n\ndef f():\n    return 2\n"
    tests = (project / "test_solution.py").read_text()
    assert tests.count("check(f)") == 2
    assert tests.endswith("def test_f():\n    check(f)\n")


JAVASCRIPT = {
    "task_id": "JavaScript/0",
    "declaration": "const md5 = require('js-md5');\nfunction twice(x) { return x * 2; }\n"
    "const f = () => {\n",
    "canonical_solution": "  return 1;\n}\n",
    "buggy_solution": "  return 2;\n}\n",
    "entry_point": "f",
    "test": "const testF = () => {\n  console.assert(f() === 1)\n}\n\ntestF()\n",
}


def test_a_javascript_function_to_fix_is_a_project_that_node_runs(tmp_path: Path) -> None:
    suite = HumanEvalFix(written(tmp_path / "humanevalpack.jsonl", JAVASCRIPT))
    (task,) = suite.tasks()
    assert task.prompt.startswith("This JavaScript code has a bug")
    assert "```javascript\nconst md5" in task.prompt
    project = tmp_path / "project"
    project.mkdir()
    suite.project(task, project)
    package = json.loads((project / "package.json").read_text())
    assert package["scripts"] == {"test": "node --test"}
    assert package["dependencies"] == {"js-md5": "*"}
    solution = (project / "solution.js").read_text()
    assert solution.startswith(task.buggy)
    assert solution.endswith("module.exports = { md5, twice, f };\n")
    tests = (project / "solution.test.js").read_text()
    assert 'const { md5, twice, f } = require("./solution.js");' in tests
    assert tests.index('Object.defineProperty(console, "assert"') < tests.index("testF()")


FENCED = "```js\nconst f = () => 1;\n```"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (f"Two ways.\n```js\nlet g = 1;\n```\n{FENCED}\n", "const f = () => 1;\n"),
        (f"{FENCED}\nRun it:\n```sh\nnode x.js\n```", "const f = () => 1;\n"),
        ("async function f() { return 1; }", "async function f() { return 1; }"),
        ("function* f() { }", "function* f() { }"),
        ("I would rather not; const f = 1 would do.", None),
        ("", None),
        ("let g = 1;", None),
    ],
)
def test_the_javascript_in_an_answer(answer: str, code: str | None) -> None:
    data = {"entry_point": "f", "declaration": "const f = () => {\n", "test": ""}
    assert FixInJavaScript().code(data, answer) == code


def test_helpers_before_the_function_are_put_before_an_answer_that_lacks_them() -> None:
    data = {"entry_point": "f", "declaration": JAVASCRIPT["declaration"], "test": ""}
    alone = FixInJavaScript().code(data, FENCED)
    assert alone is not None
    assert alone.startswith("const md5 = ")
    whole = f"```js\n{JAVASCRIPT['declaration']}  return 1;\n}}\n```"
    again = FixInJavaScript().code(data, whole)
    assert again is not None
    assert again.count("const md5") == 1


@pytest.mark.parametrize(
    ("assertion", "name"),
    [
        ("assert f(1) == 2", "f"),
        ("assert set(similar((3,), (4,))) == set((4,))", "similar"),
        ("assert math.isclose(area(2), 4.0)", "area"),
        ("assert not is_odd(2)", "is_odd"),
        ("assert (sort_it([1]))==[1]", "sort_it"),
    ],
)
def test_the_function_of_an_assertion(assertion: str, name: str) -> None:
    assert function_name(assertion) == name


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("pytest tests/test_u.py::test_a", ["tests/test_u.py::test_a"]),
        ("python3 -m pytest t/a.py::test_e\npytest t/b.py", ["t/a.py::test_e", "t/b.py"]),
        ("python -m unittest -q a.b_test.Case.test_n", ["a/b_test.py::Case::test_n"]),
        ("tox tests/test_g.py::test_d", ["tests/test_g.py::test_d"]),
        ("make check", []),
        ("pytest 'unclosed", []),
    ],
)
def test_the_tests_of_a_script(script: str, names: list[str]) -> None:
    assert named_tests(script) == names


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/data/a.json", True),
        ("pkg/test_a.py", True),
        ("pkg/a_test.py", True),
        ("conftest.py", True),
        ("pkg/latest.py", False),
        ("pkg/testament.py", False),
        ("docs/a.md", False),
    ],
)
def test_what_belongs_to_the_tests(path: str, is_test: bool) -> None:
    assert is_test_side(path) is is_test


def test_a_rewritten_method_is_brought_into_the_form_of_the_data() -> None:
    assert method_of("int f ( ) { }") == "int f ( ) { }"
    assert method_of("It is:\n```java\nint f() {\n  return a++ >= 1;\n}\n```\nDone.") == (
        "int f ( ) { return a ++ >= 1 ; }"
    )
    assert method_of("") == ""


def test_code_refinement_needs_as_many_fixes_as_bugs(tmp_path: Path) -> None:
    (tmp_path / "test.buggy-fixed.buggy").write_text("int f ( ) { }\nint g ( ) { }\n")
    (tmp_path / "test.buggy-fixed.fixed").write_text("int f ( ) { return 1 ; }\n")
    with pytest.raises(DataUnreadable, match="2 buggy methods and 1 fixed"):
        CodeRefinement(tmp_path).tasks()


@pytest.mark.parametrize(
    ("suite", "way", "words"),
    [
        ("humaneval", AnswerSource.SEARCH, "name a model, without --loop"),
        ("history", AnswerSource.MODEL, "add --loop"),
        ("history", AnswerSource.BUGGY, "no such answers"),
        ("humanevalfix", AnswerSource.LOOP, "repair model serve"),
    ],
)
def test_a_way_that_a_suite_has_not_is_refused(suite: str, way: AnswerSource, words: str) -> None:
    chosen = plan(suite, Path("/data"), way)
    with pytest.raises(CannotSolve, match=words):
        check_way(open_suite(chosen), chosen)


def test_tasks_are_chosen_by_id_and_number(tmp_path: Path) -> None:
    rows = [{**HUMAN_EVAL, "task_id": f"HumanEval/{i}"} for i in range(3)]
    path = written(tmp_path / "HumanEval.jsonl", *rows)
    base = {"run_id": "r", "suite": "humaneval", "data": str(path), "way": AnswerSource.REFERENCE}
    only = Plan(**base, only=("HumanEval/2",))  # type: ignore[arg-type]
    assert [t.task_id for t in chosen_tasks(open_suite(only), only)] == ["HumanEval/2"]
    few = Plan(**base, limit=2)  # type: ignore[arg-type]
    assert len(chosen_tasks(open_suite(few), few)) == 2
    with pytest.raises(DataUnreadable, match="no task 'HumanEval/9'"):
        chosen_tasks(open_suite(only), Plan(**base, only=("HumanEval/9",)))  # type: ignore[arg-type]


def test_predictions_have_the_fields_of_the_official_harness() -> None:
    recorded = LogContents(answers={"o__n-1": (Answer(task_id="o__n-1", sample=0, text="diff"),)})
    line = json.loads(predictions(plan("swe-bench", Path("/d"), AnswerSource.SEARCH), recorded))
    assert line == {
        "instance_id": "o__n-1",
        "model_name_or_path": "repair (search)",
        "model_patch": "diff",
    }
