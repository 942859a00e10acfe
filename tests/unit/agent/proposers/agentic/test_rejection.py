"""Why a candidate was rejected, for the model."""

from __future__ import annotations

from dataclasses import replace

from agent.patches.doctest_examples import contradictions
from agent.proposers.agentic.rejection import rejection
from agent.records import Verdict
from agent.validation.test_outcomes import failures_of, sentences
from sandbox.base import CommandResult
from sandbox.runners.base import Frame, Outcome, TestReport, TestResult

RAN = CommandResult(exit_code=1, stdout="", stderr="", seconds=0.0)
REPORT = TestReport(
    results={
        "t.py::test_a": TestResult(test_id="t.py::test_a", outcome=Outcome.PASSED),
        "t.py::test_b": TestResult(
            test_id="t.py::test_b",
            outcome=Outcome.FAILED,
            message="TypeError: no len()",
            frames=(Frame(path="shop.py", line=2, function="size"),),
        ),
    },
    collection_errors={"u.py": "u.py:1: in <module>\nE   ImportError: no name", "x.py": "old"},
    finished=True,
    command=RAN,
)


def verdict() -> Verdict:
    repair = {"t.py::test_a": "passed"}
    guards = {"t.py::test_b": "failed", "u.py::test_c": "missing", "t.py::test_d": "passed"}
    return Verdict(
        plausible=False,
        fail_to_pass=repair,
        pass_to_pass=guards,
        objections=("shop.py: ends the process", *sentences(guards, "the passing test")),
        failures=failures_of(REPORT, ["t.py::test_b", "u.py::test_c"]),
    )


def test_each_test_is_told_once_with_message_and_line() -> None:
    text = rejection("rejected", verdict(), ["Left out: README: it is not source"], line_at)
    assert text.count("t.py::test_b") == 1
    assert "t.py::test_b: failed\n  TypeError: no len()\n  at shop.py:2 in size:  len(None)" in text
    assert "u.py: error\n" in text
    assert "ImportError: no name" in text
    assert "u.py could not be collected" in text
    assert "x.py" not in text  # it could not be collected without the patch either
    assert "- Left out: README" in text
    assert "- shop.py: ends the process" in text
    assert "Tests that must pass: 1 of 1 pass." in text
    assert "Tests that passed before: 1 of 3 pass." in text


def test_where_an_example_stands_against_the_tests_the_way_out_is_named() -> None:
    broken = replace(verdict(), objections=contradictions(["shop.py:3"]))
    text = rejection("rejected", broken, [])
    assert "say with `give_up` which of the two is wrong and why" in text
    assert "Find out why, change the source" not in text
    assert "Find out why, change the source" in rejection("rejected", verdict(), [])
    assert "give_up" not in rejection("reproduce_rejected", broken, [])


def line_at(path: str, line: int) -> str:
    return {("shop.py", 2): "    len(None)"}.get((path, line), "")


def test_a_verdict_of_an_earlier_version_is_told_by_outcomes() -> None:
    old = Verdict(
        plausible=False,
        fail_to_pass={"t1": "failed"},
        pass_to_pass={},
        objections=("the failing test t1 is failed",),
    )
    text = rejection("rejected", old, [])
    assert "- the failing test t1 is failed" in text
    assert "Tests that must pass: 0 of 1 pass." in text
