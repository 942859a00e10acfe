"""The answers of `run_tests` and `submit`, from a runner that says what it is told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.proposers.agentic.tools.hand_in import doubt
from agent.proposers.agentic.tools.run_tests import TestBench, run_tests
from sandbox.base import CommandResult
from sandbox.runners.base import Frame, Outcome, TestReport, TestResult

FAILING, PASSING = ("a.py::test_one", "a.py::test_two"), ("b.py::test_three",)
RAN = CommandResult(exit_code=0, stdout="", stderr="", seconds=0.0)


class Tree:
    session = None
    workspace = "/workspace"

    def rescan(self) -> None: ...

    def read(self, path: str) -> bytes:
        if path == "a.py":
            return b"import shop\n\n    assert shop.total() == 3\n"
        raise FileNotFoundError(path)


class Runner:
    name = "told"

    def __init__(
        self, outcomes: Mapping[str, Outcome], errors: Mapping[str, str] | None = None
    ) -> None:
        self.outcomes = outcomes
        self.errors = errors or {}
        self.asked: list[Sequence[str]] = []

    def run(self, _session: Any, test_ids: Sequence[str], **_: Any) -> TestReport:
        self.asked.append(test_ids)
        results = {
            name: TestResult(
                test_id=name,
                outcome=outcome,
                message="" if outcome is Outcome.PASSED else "AssertionError: assert 2 == 3",
                frames=(Frame(path="a.py", line=3, function="test"),),
                details="a.py:3: in test\n    assert shop.total() == 3\n"
                "E   AssertionError: assert 2 == 3\nE    +  where 2 = total()",
            )
            for name, outcome in self.outcomes.items()
        }
        return TestReport(
            results=results, collection_errors=self.errors, finished=True, command=RAN
        )


def bench(runner: Any) -> TestBench:
    return TestBench(runner=runner, failing=FAILING, passing=PASSING)


def ran(runner: Runner, tests: object = None, before: Mapping[str, str] | None = None) -> Any:
    tree: Any = Tree()
    arguments = {} if tests is None else {"tests": tests}
    return run_tests(tree, bench(runner), arguments, before or {}, 60.0)


def test_a_failure_is_told_once_with_its_line() -> None:
    text, ends = ran(Runner({FAILING[0]: Outcome.FAILED, FAILING[1]: Outcome.PASSED}))
    assert text.startswith("1 of 2 tests pass.")
    assert text.count("AssertionError") == 1
    assert "  at a.py:3 in test:  assert shop.total() == 3" in text
    assert "  | +  where 2 = total()" in text
    assert ends[FAILING[0]] == "failed AssertionError: assert 2 == 3"


def test_a_class_a_file_and_a_wrong_name() -> None:
    runner = Runner({FAILING[0]: Outcome.PASSED})
    text, _ = ran(runner, "a.py test_thre")
    assert list(runner.asked[0]) == ["a.py"]
    assert "Not run" not in text
    assert "No test is named test_thre. Near it:\n  b.py::test_three" in text
    text, _ = ran(runner, "nothing_like_it")
    assert text == "No test is named nothing_like_it."
    ran(runner, "all")
    assert list(runner.asked[-1]) == [*FAILING, *PASSING]


def test_what_cannot_be_collected_and_what_is_skipped_is_counted() -> None:
    text, _ = ran(Runner({FAILING[1]: Outcome.SKIPPED}, {"a.py": "SyntaxError: invalid"}))
    assert text.startswith("0 of 1 tests pass, 1 skipped, 1 file could not be collected.")
    assert "a.py could not be collected:\nSyntaxError: invalid" in text
    assert "Not run" not in text


def test_nothing_changed_is_said_of_the_same_tests_only() -> None:
    same = Runner({FAILING[0]: Outcome.FAILED})
    _, ends = ran(same)
    assert "Nothing changed since these tests ran last." in ran(same, before=ends)[0]
    more = Runner({FAILING[0]: Outcome.FAILED, FAILING[1]: Outcome.FAILED})
    assert "Nothing changed" not in ran(more, before=ends)[0]
    other = {FAILING[0]: "failed TypeError: no"}
    assert "Fail otherwise than at the last run:\n  a.py::test_one" in ran(same, before=other)[0]


def test_a_patch_is_doubted_while_a_failing_test_fails() -> None:
    tree: Any = Tree()
    text = doubt(tree, bench(Runner({FAILING[0]: Outcome.FAILED, FAILING[1]: Outcome.PASSED})), 9.0)
    assert text.startswith("Not submitted: 1 of 2 failing tests do not pass yet.")
    assert "a.py::test_one: failed" in text
    skipped = Runner({FAILING[0]: Outcome.SKIPPED, FAILING[1]: Outcome.PASSED})
    assert "Not seen to pass:\n  a.py::test_one" in doubt(tree, bench(skipped), 9.0)
    passed = Runner(dict.fromkeys(FAILING, Outcome.PASSED))
    assert doubt(tree, bench(passed), 9.0) == ""


def test_tests_that_may_stay_red_are_told_of_a_run_of_all() -> None:
    tree: Any = Tree()
    runner = Runner(dict.fromkeys(PASSING, Outcome.PASSED))
    aside = replace(bench(runner), aside=("c.py::test_red",))
    text, _ = run_tests(tree, aside, {"tests": "all"}, {}, 60.0)
    assert "1 more may stay red, and were not run:\n  c.py::test_red" in text
    assert "may stay red" not in run_tests(tree, aside, {}, {}, 60.0)[0]


def test_what_a_cut_off_run_did_not_reach_is_no_unknown_test() -> None:
    class CutOff(Runner):
        def run(self, _session: Any, test_ids: Sequence[str], **_: Any) -> TestReport:
            return replace(super().run(_session, test_ids), finished=False)

    tree: Any = Tree()
    text, _ = run_tests(tree, bench(CutOff({})), {}, {}, 5.0)
    assert "Not run (there was no time for it):\n  a.py::test_one" in text
    assert "no such test" not in text
