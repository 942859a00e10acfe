"""Which tests of a file that a model wrote are kept, by how they end on the unchanged project."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from agent.records import CandidatePatch
from agent.reproduction.confirmation import ReproductionBase
from agent.reproduction.from_model import judge_on_base, test_of_model, writing_task
from agent.reproduction.javascript.tests import JavaScriptTests
from agent.reproduction.test_language import PythonTests, TestLanguage
from agent.reproduction.test_location import TestLocation
from sandbox.base import CommandResult
from sandbox.languages.javascript.detection.project import Framework
from sandbox.runners.base import Frame, Outcome, TestReport, TestResult
from sandbox.source import SourceEdit

PATH = "tests/test_issue_1.py"
TEXT = """import pytest
from stock import total


@pytest.mark.parametrize("items", [[1], [1, 2]])
def test_total(items):
    assert total(items) == sum(items)


def test_control():
    assert total([]) == 0
"""
SOURCE = """def total(items):
    if items is None:
        raise TypeError("items")
    return items + 1
"""
ENDED = CommandResult(exit_code=1, stdout="", stderr="", seconds=0.0)
FAILS = ("test_total[items0]", "test_total[items1]")


@dataclass
class Base:
    """Stands for `ReproductionBase`: tests end as they are said to."""

    ends: Mapping[str, TestResult]
    touched: Sequence[str] = FAILS
    statement: str = "total() is wrong"
    failing: Sequence[str] = ()
    place: TestLocation = field(
        default_factory=lambda: TestLocation(
            path=PATH, beside="tests/test_a.py", style="tests/test_a.py::test_a"
        )
    )

    language: TestLanguage = field(
        default_factory=lambda: PythonTests(importable={}, as_case=False)
    )

    def names_in(self, text: str) -> tuple[str, ...]:
        return self.language.names_in(text) or ()

    def run(self, text: str, names: Sequence[str]) -> Mapping[str, TestResult]:
        return self.ends

    def touching(self, text: str, names: Sequence[str]) -> frozenset[str]:
        return frozenset(names) & frozenset(self.touched)

    def source_text(self, path: str) -> str:
        return SOURCE if path == "stock.py" else ""

    def crashed(self, result: TestResult) -> bool:
        return ReproductionBase.crashed(self, result)  # type: ignore[arg-type]

    def collected(self, text: str, names: Sequence[str]) -> str:
        return "NameError"


def ended(name: str, outcome: Outcome, exception: str = "builtins.AssertionError") -> TestResult:
    return TestResult(test_id=name, outcome=outcome, exception=exception, message="assert 0 == 1")


def judged(ends: Mapping[str, TestResult], **more: Any) -> Any:
    candidate = CandidatePatch(
        edits=(SourceEdit(PATH, 0, 0, TEXT),), proposer="model", operator="o", description=""
    )
    base: Any = Base(ends, **more)
    return judge_on_base(candidate, base)


RED = {name: ended(name, Outcome.FAILED) for name in FAILS}
GREEN = {"test_control": ended("test_control", Outcome.PASSED, "")}


def test_tests_that_fail_are_kept_and_controls_that_pass_are_dropped() -> None:
    found, objections = judged({**RED, **GREEN})
    assert objections == ()
    assert found.test.test_ids == tuple(f"{PATH}::{name}" for name in FAILS)
    assert set(found.results) == set(found.test.test_ids)
    assert len(found.test.claims) == 2


def test_of_a_test_with_parameters_those_count_that_fail() -> None:
    half = {FAILS[0]: ended(FAILS[0], Outcome.PASSED, ""), FAILS[1]: RED[FAILS[1]]}
    found, objections = judged({**half, **GREEN})
    assert objections == ()
    assert found.test.test_ids == (f"{PATH}::{FAILS[1]}",)


def test_where_all_pass_nothing_is_shown() -> None:
    passing = {name: ended(name, Outcome.PASSED, "") for name in FAILS}
    found, objections = judged({**passing, **GREEN})
    assert found.test is None
    assert objections[0] == "test_total[items0] passes on the unchanged project"


def test_an_error_of_its_own_is_none_to_keep() -> None:
    own = {"test_control": ended("test_control", Outcome.FAILED, "builtins.NameError")}
    found, objections = judged({**RED, **own})
    assert found.test is None
    (objection,) = objections
    assert objection.startswith("test_control fails with NameError")


@pytest.mark.parametrize(
    ("frames", "shows"),
    [
        ([("tests/test_issue_1.py", 6), ("stock.py", 4)], True),
        ([("tests/test_issue_1.py", 6), ("stock.py", 3)], False),
        ([("tests/test_issue_1.py", 6)], False),
        ([("stock.py", 4), ("/usr/lib/python3/json/decoder.py", 4)], False),
        ([], False),
    ],
    ids=["the project runs into it", "it raises it", "the test's own", "elsewhere", "unknown"],
)
def test_an_exception_that_the_project_runs_into_need_not_be_named(
    frames: list[tuple[str, int]], shows: bool
) -> None:
    trace = tuple(Frame(path=path, line=line, function="f") for path, line in frames)
    ends = {
        name: replace(ended(name, Outcome.FAILED, "builtins.TypeError"), frames=trace)
        for name in FAILS
    }
    found, objections = judged({**ends, **GREEN})
    assert (found.test is not None) is shows
    assert (objections == ()) is shows


def test_what_was_not_collected_is_named() -> None:
    _, objections = judged(RED)
    assert objections == ("test_control was not collected",)


def test_a_test_that_runs_no_source_is_refused() -> None:
    _, objections = judged({**RED, **GREEN}, touched=FAILS[:1])
    assert objections == ("test_total[items1] runs no line of the project's source",)


def test_the_writer_is_told_what_fails_already() -> None:
    class Tree:
        workspace = shown_workspace = "/project"
        scratch = "/scratch"

    base: Any = Base({}, failing=tuple(f"t::{n}" for n in range(7)))
    tree: Any = Tree()
    task = writing_task(base).first_messages(tree)[1].content
    assert task.startswith(
        "Some tests of the project fail already, perhaps for other reasons (t::0"
    )
    assert "t::4 and 2 more)" in task
    base.failing = ()
    assert writing_task(base).first_messages(tree)[1].content.startswith("All tests of the project")


SCRIPT = """const assert = require('node:assert');
const { total } = require('../lib/total');
describe('a [b] c.d', () => { it('adds', () => { assert.equal(total([1]), 1); }); });
it('is a control', () => {});
"""


@dataclass
class ScriptBase(Base):
    """Of a project in JavaScript, whose file of tests `names` itself when it runs."""

    language: TestLanguage = field(
        default_factory=lambda: JavaScriptTests(
            framework=Framework.MOCHA, is_module=False, package="stock", beside={}, exports={}
        )
    )
    place: TestLocation = field(
        default_factory=lambda: TestLocation(
            path="test/issue1.js", beside="test/a.js", style="test/a.js::x"
        )
    )

    def names_in(self, text: str) -> tuple[str, ...]:
        return tuple(self.ends)


def judged_script(text: str, **more: Any) -> Any:
    name = "a [b] c.d::adds"
    ends = {
        name: ended(name, Outcome.FAILED, "AssertionError"),
        "is a control": GREEN["test_control"],
    }
    candidate = CandidatePatch(
        edits=(SourceEdit("test/issue1.js", 0, 0, text),),
        proposer="m",
        operator="o",
        description="",
    )
    base: Any = ScriptBase(ends, touched=(name,), **more)
    return judge_on_base(candidate, base)


def test_of_a_file_in_javascript_the_run_says_what_is_in_it() -> None:
    found, objections = judged_script(SCRIPT)
    assert objections == ()
    assert found.test.test_ids == ("test/issue1.js::a [b] c.d::adds",)
    _, objections = judged_script(SCRIPT, statement="const is wrong: require it")
    assert objections == ("it uses no name and no value that the statement speaks of",)


def test_the_writer_is_told_what_a_test_in_javascript_is() -> None:
    class Tree:
        workspace = shown_workspace = "/project"
        scratch = "/scratch"

    base: Any = ScriptBase({})
    tree: Any = Tree()
    system = writing_task(base).first_messages(tree)[0].content
    assert system.startswith("You write tests for JavaScript projects.")
    assert "Each test is a test of mocha, as those beside it are written." in system


class Script:
    """A session and a runner of a project in JavaScript: two tests run, whatever is asked for."""

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, path: str, content: bytes) -> None:
        assert path == "test/issue1.js"

    def run(self, _session: object, ids: Sequence[str], **_: object) -> TestReport:
        self.asked = list(ids)
        names = ("test/issue1.js::a [b]::x.y", "test/other.js::z")
        results = {name: ended(name, Outcome.FAILED) for name in names}
        return TestReport(results=results, collection_errors={}, finished=True, command=ENDED)


def test_ids_in_javascript_are_taken_as_they_are() -> None:
    made, stub = Script(), ScriptBase({})
    session: Any = made
    base = ReproductionBase(
        open_session=lambda: session,
        runner=session,
        language=stub.language,
        setup=None,
        tests=(),
        place=stub.place,
        statement="",
    )
    assert base.names_in(SCRIPT) == ("a [b]::x.y",)
    assert made.asked == ["test/issue1.js"]
    assert set(base.run(SCRIPT, ["a [b]::x.y"])) == {"a [b]::x.y"}
    assert made.asked == ["test/issue1.js::a [b]::x.y"]
    assert base.touching(SCRIPT, ["a"]) == {"a"}
    assert base.touching("it('x', () => { fail(); });", ["a"]) == frozenset()


@dataclass
class Writer:
    """A conversation that hands in nothing."""

    exhausted: bool
    endings: tuple[str, ...] = ()

    def propose(self, _allowance: object) -> tuple[()]:
        return ()


def test_why_there_is_no_test_is_what_the_conversation_ended_with() -> None:
    base: Any = Base({})
    gave_up: Any = Writer(exhausted=True, endings=("it gave up: the statement is about the past",))
    reason = test_of_model(base, gave_up, 60.0, threading.Event()).why_not
    assert reason.endswith("shows the problem: it gave up: the statement is about the past")
    slow: Any = Writer(exhausted=False)
    reason = test_of_model(base, slow, 0.0, threading.Event()).why_not
    assert reason.endswith("in the time that was left for it (raise --max-seconds)")
