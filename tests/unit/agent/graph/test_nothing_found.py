"""What is said when nothing was found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.graph.nothing_found import nothing_found
from agent.patches.doctest_examples import contradictions
from agent.records import Budget, RepairJob, Status
from agent.serialization import plain


def test_a_model_that_never_answered_is_named() -> None:
    job = RepairJob(run_id="r", target=".", model_url="http://gpu:8000/v1")
    place = {"searched": 11.0, "turns": 0, "candidates": 0, "endings": []}
    state: Any = {
        "job": {"budget": plain(Budget())},
        "seconds": {"propose": 400.0},
        "exhausted": False,
        "portfolio": place,
    }
    ending = nothing_found(state, job)
    assert ending.status is Status.BUDGET_EXHAUSTED
    assert "the model at http://gpu:8000/v1 gave no answer in that time" in ending.reason
    place.update(turns=2, candidates=1)
    assert "made 1 of them in 2 turns" in nothing_found(state, job).reason


def test_a_failing_test_that_can_be_repaired_by_itself_is_named() -> None:
    job = RepairJob(run_id="r", target=".")
    state: Any = {"job": plain(job), "exhausted": True, "candidates_tried": 7, "turned": ["t::a"]}
    reason = nothing_found(state, job).reason
    assert reason.endswith("alone t::a can be made to pass: `--only t::a` looks for that patch")


def state(**changes: Any) -> Any:
    job = RepairJob(run_id="r", target=".")
    return {"job": plain(job), "exhausted": True, "candidates_tried": 0, **changes}


JOB = RepairJob(run_id="r", target=".")


def test_what_is_named_on_the_command_line_is_quoted() -> None:
    turned = ["t.py::test_a[x; rm y]"]
    reason = nothing_found(state(turned=turned, candidates_tried=3), JOB).reason
    assert "`--only 't.py::test_a[x; rm y]'`" in reason


def test_the_best_candidate_so_far_is_named() -> None:
    evidence = {"baseline": {"failing": ["a", "b", "c"], "seconds": 1.0}}
    partial = {"candidate": "`<` → `<=` in m.py:3", "tests": 2}
    tried = state(candidates_tried=9, partial=partial, evidence=evidence)
    for exhausted in (True, False):
        reason = nothing_found({**tried, "exhausted": exhausted}, JOB).reason
        assert "best so far: `<` → `<=` in m.py:3 makes 2 of 3 failing tests pass" in reason


def test_patches_that_were_turned_down_are_named_as_left_out() -> None:
    for number, words in ((1, "1 patch that people turned down is"), (2, "2 patches that")):
        job = replace(JOB, excluded=("diff",) * number)
        assert f"; {words}" in nothing_found(state(candidates_tried=9, rejected=1), job).reason
    assert "turned down" not in nothing_found(state(candidates_tried=9), JOB).reason


def test_why_nothing_was_tried_is_said_with_what_to_do() -> None:
    reason = nothing_found(state(), JOB).reason
    assert reason.startswith("there is nothing to try: the failing tests run no line that")
    assert "let a model try (--model-url, --model), or say what is wrong in words" in reason
    lines = [{"path": "m.py", "line": 3}, {"path": "m.py", "line": 4}]
    reason = nothing_found(state(suspicious=lines), JOB).reason
    assert "no small edit fits the 2 suspicious lines (first: m.py:3)" in reason
    assert reason.endswith("or begin by hand at m.py:3")


def test_where_the_time_went_is_said_when_none_was_left_to_try() -> None:
    seconds = {"prepare": 590.0, "baseline": 20.0, "localize": 0.1}
    ending = nothing_found(state(exhausted=False, seconds=seconds), JOB)
    assert ending.status is Status.BUDGET_EXHAUSTED
    assert "within 600 s (prepare 9 min 50 s, baseline 20 s); raise --max-seconds" in ending.reason


def test_sites_that_were_skipped_are_said() -> None:
    job = RepairJob(run_id="r", target=".")
    said = "2 sites skipped where an operator failed (conditions.propose)"
    state: Any = {
        "job": plain(job),
        "exhausted": True,
        "candidates_tried": 7,
        "failed_operators": said,
    }
    assert f"; {said}" in nothing_found(state, job).reason


def test_a_contradiction_of_tests_and_examples_is_said() -> None:
    best = {"objections": [*contradictions(["calc.py:3"]), "the passing test calc.f is failed"]}
    lines = [{"path": "m.py", "line": 3}]
    reason = nothing_found(state(best_rejected=best, suspicious=lines), JOB).reason
    assert "the failing tests and the example at calc.py:3 may contradict each other" in reason
    assert "begin by hand" not in reason


def test_a_contradiction_is_said_once_and_words_are_no_way_out_of_it() -> None:
    objections = [*contradictions(["calc.py:3"]), "the passing test calc.f is failed"]
    best = {"description": "an edit", "repaired": 1, "objections": objections}
    failing = {"baseline": {"failing": ["t"]}}
    whole = state(best_rejected=best, evidence=failing, candidates_tried=4, rejected=1)
    reason = nothing_found(whole, JOB).reason
    assert "an edit makes the failing tests pass, but the failing tests and the example" in reason
    assert reason.count("may contradict each other") == 1
    assert "--issue" not in reason
    other = {**best, "objections": objections[1:]}
    assert "--issue" in nothing_found({**whole, "best_rejected": other}, JOB).reason


def test_the_most_suspicious_line_is_no_advice_where_something_better_is_known() -> None:
    lines = [{"path": "m.py", "line": 3}]
    place = {"searched": 0, "turns": 2, "candidates": 0, "endings": ["it gave up: no idea"]}
    known = state(suspicious=lines, portfolio=place, candidates_tried=1)
    assert "begin by hand at m.py:3" in nothing_found(known, JOB).reason
    assert "begin by hand" not in nothing_found({**known, "taken_as_tests": ["a.py"]}, JOB).reason
    place["endings"] = ["it gave up: the example in tests/test_more.py is wrong"]
    assert "begin by hand" not in nothing_found(known, JOB).reason


@pytest.mark.parametrize("exhausted", [False, True])
def test_a_candidate_that_makes_them_pass_and_breaks_another_is_told_as_that(
    exhausted: bool,
) -> None:
    evidence = {"baseline": {"failing": ["a"], "seconds": 1.0}}
    best = {
        "description": "the model's edit of m.py",
        "repaired": 1,
        "objections": ["the passing test b is failed"],
    }
    over = state(exhausted=exhausted, candidates_tried=9, evidence=evidence, best_rejected=best)
    reason = nothing_found(over, JOB).reason
    assert "none of 9 candidates passes the verdict" in reason
    assert (
        "the model's edit of m.py makes the failing tests pass, but the passing test b is failed"
    ) in reason
    assert (
        "none of 9 candidates makes the failing tests pass"
        in nothing_found({**over, "best_rejected": {**best, "repaired": 0}}, JOB).reason
    )


@pytest.mark.parametrize("exhausted", [False, True])
def test_what_passed_the_tests_is_not_said_to_have_failed_them(exhausted: bool) -> None:
    reason = nothing_found(state(exhausted=exhausted, candidates_tried=9, rejected=1), JOB).reason
    assert "none of 9 candidates passes the verdict; 1 passed the tests but not" in reason
    assert "makes the failing tests pass" not in reason


def test_patches_of_a_model_are_no_small_edits() -> None:
    job = RepairJob(run_id="r", target=".", model_url="http://gpu:8000/v1")
    place = {"searched": 11.0, "turns": 2, "candidates": 1, "endings": []}
    reason = nothing_found(state(candidates_tried=9, portfolio=place), job).reason
    assert reason.startswith("none of 9 candidates makes the failing tests pass; the model made 1")
    only_search = nothing_found(state(candidates_tried=9), JOB).reason
    assert only_search.startswith("none of the 9 small edits worth trying makes the failing tests")


def test_a_model_that_was_never_asked_is_not_said_to_have_been_silent() -> None:
    job = RepairJob(run_id="r", target=".", model_url="http://gpu:8000/v1")
    place = {"searched": 11.0, "turns": 0, "candidates": 0, "endings": [], "asked": False}
    reason = nothing_found(state(exhausted=False, portfolio=place), job).reason
    assert "no time was left to ask the model at http://gpu:8000/v1" in reason
    assert "gave no answer" not in reason
