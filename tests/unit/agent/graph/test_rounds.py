"""Groups of failing tests have their turn one after the other, and the end says what stays red."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END

from agent.baseline.evidence import BaselineEvidence, flaky_after_all
from agent.baseline.failures.grouping import TestGroup
from agent.graph.nodes.regroup import together
from agent.graph.nodes.validate import passing_in_part
from agent.graph.nothing_found import nothing_found
from agent.graph.outcome import Ending, compose, shown_rejected
from agent.graph.rounds import (
    NO_TURN,
    NOT_THE_ISSUE,
    UNCONFIRMED,
    WAITS,
    concluded,
    conclusion,
    first_round,
    next_round,
    time_for_near,
)
from agent.graph.routing import after_baseline, after_regroup, after_select
from agent.graph.state import RepairState
from agent.patches.doctest_examples import contradictions
from agent.records import (
    Baseline,
    CandidatePatch,
    PlausiblePatch,
    RejectedPatch,
    RepairJob,
    Status,
    Verdict,
)
from agent.runs.folder import RunFolder
from agent.serialization import plain, restore
from sandbox.runners.base import Outcome, TestResult
from sandbox.source import SourceEdit

LOCALE = TestGroup(tests=("locale",), cause="the locale of this machine")


def evidence(*failing: str) -> BaselineEvidence:
    return BaselineEvidence(
        baseline=Baseline(failing=failing, passing=("p",)),
        failures={t: TestResult(test_id=t, outcome=Outcome.FAILED) for t in failing},
        order=failing,
    )


def patch(description: str, *tests: str) -> dict[str, Any]:
    candidate = CandidatePatch(edits=(), proposer="search", operator="o", description=description)
    verdict = Verdict(
        plausible=True, fail_to_pass=dict.fromkeys(tests, "passed"), pass_to_pass={"p": "passed"}
    )
    found: dict[str, Any] = plain(PlausiblePatch(candidate=candidate, diff="", verdict=verdict))
    return found


def begun(*groups: TestGroup, asked: tuple[str, ...] = (), **changes: Any) -> RepairState:
    """The state after the first group was chosen."""
    state: RepairState = {"job": plain(RepairJob(run_id="r", target=".")), "seconds": {}}
    taken = evidence(*(test_id for group in groups for test_id in group.tests))
    first, update = first_round(state, taken, groups, asked)
    state |= {"evidence": plain(first), **update, **changes}  # type: ignore[typeddict-item]
    return state


def baseline_of(update: Any) -> Baseline:
    return restore(BaselineEvidence, update["evidence"]).baseline


def test_the_first_group_is_asked_for_and_the_others_wait() -> None:
    state = begun(TestGroup(tests=("a", "b")), TestGroup(tests=("c",)))
    assert baseline_of(state).failing == ("a", "b")
    assert baseline_of(state).set_aside == {"c": WAITS}
    assert state["round_until"] == 300.0, "half of the time is for the others"
    assert "round_until" not in begun(TestGroup(tests=("a", "b")))


def test_only_groups_that_show_the_issue_are_looked_at() -> None:
    state = begun(TestGroup(tests=("a",)), TestGroup(tests=("issue", "b")), asked=("issue",))
    assert baseline_of(state).failing == ("issue", "b")
    assert "not what the issue is about" in baseline_of(state).set_aside["a"]
    assert baseline_of(state).still_red == ()
    assert state["groups"] == []


def test_a_patch_for_tests_that_one_thing_stops_says_how_many_others_stay() -> None:
    part = TestGroup(tests=("a",), of=("a", "b"))
    state = begun(TestGroup(tests=("a", "b")), part)
    update: Any = next_round(state, 100.0)
    assert baseline_of(update).failing == ("a",)
    assert update["narrowed"] == ["a", "b"]
    about = begun(TestGroup(tests=("a", "b")), part, asked=("a",))
    assert set(baseline_of(about).failing) == {"a", "b"}, "an issue is judged by all its tests"


def test_the_next_group_begins_afresh() -> None:
    state = begun(
        TestGroup(tests=("a",)),
        TestGroup(tests=("b",)),
        repaired={"tests": ["a"], "patches": [patch("p", "a")]},
        candidates_tried=7,
        portfolio={"tokens": 5},
        near=[{}],
    )
    update: Any = next_round(state, 100.0)
    assert baseline_of(update).failing == ("b",)
    assert (update["rounds"], update["tried_before"], update["earlier"]) == (2, 7, [{"tokens": 5}])
    assert update["ending"] is None
    assert (update["near"], update["plausible"], update["exhausted"]) == ([], [], False)
    assert next_round({**state, **update}, 100.0) is None, "nobody waits any more"
    assert next_round(state, 1.0) is None, "there is no time"


def rejected(description: str, *objections: str) -> dict[str, Any]:
    record: dict[str, Any] = plain(
        RejectedPatch(
            description=description, proposer="model", diff="", objections=objections, repaired=1
        )
    )
    return record


def test_a_round_tells_of_no_candidate_that_was_judged_by_other_tests(tmp_path: Path) -> None:
    first, second = rejected("the first edit", "p is failed"), rejected("another", "p is failed")
    groups = [TestGroup(tests=(name,)) for name in "abc"]
    state = begun(*groups, best_rejected=first, candidates_tried=3)
    state |= next_round(state, 100.0) or {}  # type: ignore[typeddict-item]
    ending = nothing_found(state | {"candidates_tried": 2}, RepairJob(run_id="r", target="."))  # type: ignore[typeddict-item]
    assert "the first edit" not in ending.reason
    state["best_rejected"] = second
    ended = {**state, "ending": plain(ending)}
    result = compose(RunFolder(tmp_path / "r"), ended, None)
    assert result.rejected == restore(RejectedPatch, first), "its ending is the one that is told"
    state |= next_round(state, 100.0) or {}  # type: ignore[typeddict-item]
    result = compose(RunFolder(tmp_path / "r"), {**state, "ending": plain(ending)}, None)
    assert result.rejected == restore(RejectedPatch, first)


def test_a_rejected_candidate_that_an_example_speaks_against_is_shown_first() -> None:
    other = rejected("two", *contradictions(["calc.py:3"]))
    state = begun(TestGroup(tests=("a",)), best_rejected=other, rejected_before=rejected("one"))
    assert shown_rejected(state) == other
    assert shown_rejected({}) is None


def test_what_the_machine_seems_at_fault_for_is_tried_only_without_a_patch() -> None:
    state = begun(TestGroup(tests=("a",)), LOCALE)
    assert next_round(state, 100.0) is not None
    state["repaired"] = {"tests": ["a"], "patches": [patch("`<` → `<=`", "a")]}
    assert next_round(state, 100.0) is None
    end = conclusion(state)
    assert restore(Ending, end["ending"]) == Ending(
        Status.REPAIRED_IN_PART, "`<` → `<=`; 1 of 2 failing tests passes with it, and 1 stays red"
    )
    assert baseline_of(end).still_red == ("locale",)
    why = baseline_of(end).set_aside["locale"]
    assert why.startswith("not tried: it seems to fail for the locale of this machine")
    assert why.endswith("--only locale tries it")


def test_a_repair_of_all_groups_is_a_whole_one() -> None:
    state = begun(
        TestGroup(tests=("a",)),
        TestGroup(tests=("b",)),
        repaired={"tests": ["a", "b"], "patches": [patch("x; y", "a", "b")], "cautions": ["look"]},
    )
    end = conclusion(state)
    assert restore(Ending, end["ending"]) == Ending(Status.REPAIRED, "x; y")
    assert baseline_of(end) == Baseline(failing=("a", "b"), passing=("p",))
    assert restore(PlausiblePatch, end["plausible"][0]).cautions == ("look",)


def test_where_nothing_was_repaired_all_that_failed_is_told() -> None:
    ending = plain(Ending(Status.NOT_REPAIRED, "none of 3 edits"))
    groups = TestGroup(tests=("a",)), TestGroup(tests=("b",))
    end = conclusion(begun(*groups, first_ending=ending, rounds=2))
    assert baseline_of(end) == Baseline(failing=("a", "b"), passing=("p",))
    assert restore(Ending, end["ending"]).status is Status.NOT_REPAIRED
    assert end["ending"]["reason"] == (
        "none of 3 edits; there is no patch for 1 other group of failing tests either"
    )


def test_after_a_failed_last_round_the_ending_is_that_of_the_whole_run() -> None:
    """The last round has nothing left behind it, and its own words describe that group alone."""
    first = plain(Ending(Status.NOT_REPAIRED, "none of 3605 edits"))
    last = plain(Ending(Status.BUDGET_EXHAUSTED, "the time is over: none of 252 candidates"))
    groups = TestGroup(tests=("a",)), TestGroup(tests=("b",))
    changes: Any = {"tried_before": 3605, "candidates_tried": 252, "groups": []}
    state = begun(*groups, first_ending=first, ending=last, rounds=2, **changes)
    assert after_select(state) == "regroup"
    end = conclusion(state)
    said = "none of 3605 edits; there is no patch for 1 other group of failing tests either"
    assert end["ending"]["reason"] == f"{said}; 3857 candidates in all"
    assert concluded({**state, **end})["ending"] == end["ending"]
    cut = concluded({**state})["ending"]
    assert cut["status"] == Status.BUDGET_EXHAUSTED
    assert cut["reason"] == f"none of 3605 edits; then, for other failing tests: {last['reason']}"


def test_a_run_cut_short_in_a_later_round_keeps_what_earlier_ones_repaired() -> None:
    cut = begun(
        TestGroup(tests=("a",)),
        TestGroup(tests=("b",)),
        repaired={"tests": ["a"], "patches": [patch("p", "a")]},
        tried_before=4,
        candidates_tried=3,
        ending=plain(Ending(Status.BUDGET_EXHAUSTED, "the 60 s are over")),
    )
    state = concluded(dict(cut))
    assert state["ending"]["status"] == Status.REPAIRED_IN_PART
    assert state["ending"]["reason"].endswith("and 1 stays red; the 60 s are over")
    assert baseline_of(state).failing == ("a",)
    assert baseline_of(state).set_aside == {"b": NO_TURN}
    assert state["candidates_tried"] == 7
    assert concluded(state | {"tried_before": 0}) == state | {"tried_before": 0}, "twice is once"


def test_a_patch_that_a_later_round_could_not_confirm_is_told_of_its_test() -> None:
    cut = begun(
        TestGroup(tests=("a",)),
        TestGroup(tests=("b",)),
        repaired={"tests": ["a"], "patches": [patch("p", "a")]},
    )
    cut |= next_round(cut, 100.0) or {}  # type: ignore[typeddict-item]
    state = concluded({**cut, "plausible": [patch("q", "b")]})
    assert [one["candidate"]["description"] for one in state["plausible"]] == ["p"]
    assert baseline_of(state).set_aside == {"b": UNCONFIRMED}


def test_the_time_over_before_anything_was_repaired_leaves_every_test_failing() -> None:
    ending = plain(Ending(Status.BUDGET_EXHAUSTED, "over"))
    cut = begun(TestGroup(tests=("a",)), TestGroup(tests=("b",)), ending=ending)
    assert baseline_of(concluded(dict(cut))).failing == ("a", "b")
    unconfirmed = concluded({**cut, "plausible": [patch("p", "a")]})
    assert baseline_of(unconfirmed).failing == ("a",)
    assert baseline_of(unconfirmed).still_red == ("b",)


def test_a_run_of_an_earlier_version_is_taken_as_it_is() -> None:
    state = {"evidence": plain(evidence("a")), "ending": {}, "candidates_tried": 3}
    assert concluded(state) == state


def test_a_candidate_that_came_near_keeps_the_time_of_its_verdict_and_no_more() -> None:
    state = begun(TestGroup(tests=("a", "b")), seconds={"baseline": 40.0})
    state["evidence"]["baseline"]["seconds"] = 20.0
    assert time_for_near(state, []) == {}
    assert time_for_near(state, [{}]) == {"round_until": 600.0 - 2 * 40.0}
    assert time_for_near({**state, "round_until": 7.0}, [{}]) == {}


@pytest.mark.parametrize(
    ("fail_to_pass", "broken", "passing"),
    [
        ({"a": "passed", "b": "failed"}, 0, ["a"]),
        ({"a": "passed", "b": "failed"}, 1, ["a"]),
        ({"a": "passed", "b": "failed"}, 3, []),
        ({"a": "failed", "b": "failed"}, 0, []),
        ({"a": "passed", "b": "passed"}, 1, []),
        ({}, 0, []),
    ],
)
def test_which_tests_a_rejected_patch_makes_pass(
    fail_to_pass: dict[str, str], broken: int, passing: list[str]
) -> None:
    outcomes = {f"p{n}": "failed" if n < broken else "passed" for n in range(5)}
    verdict = Verdict(plausible=False, fail_to_pass=fail_to_pass, pass_to_pass=outcomes)
    model, search = (
        CandidatePatch(edits=(), proposer=name, operator="o", description="p")
        for name in ("model", "search")
    )
    assert passing_in_part(model, verdict) == passing
    assert passing_in_part(search, verdict) == []


def test_two_patches_become_one() -> None:
    first, second = (
        CandidatePatch(
            edits=(SourceEdit(path, 0, 1, "x"),), proposer=name, operator="o", description=path
        )
        for path, name in (("a.py", "model"), ("b.py", "search"))
    )
    whole = together(first, second)
    assert [edit.path for edit in whole.edits] == ["a.py", "b.py"]
    assert (whole.proposer, whole.description) == ("model+search", "a.py; b.py")
    assert together(first, first) == first


def test_the_routes_of_a_round() -> None:
    whole = begun(TestGroup(tests=("a",)), ending=plain(Ending(Status.REPAIRED, "p")))
    assert after_select(whole) == END
    part = begun(TestGroup(tests=("a",)), LOCALE, ending=plain(Ending(Status.REPAIRED, "p")))
    assert after_select(part) == "regroup"
    nothing = {**whole, "ending": plain(Ending(Status.NOT_REPAIRED, "none"))}
    assert after_select(nothing) == END  # type: ignore[arg-type]
    assert after_select({**nothing, "near": [{}]}) == "regroup"  # type: ignore[arg-type]
    unconfirmed = {**part, "plausible": [{}], "ending": {"status": "budget_exhausted"}}
    assert after_select(unconfirmed) == END  # type: ignore[arg-type]
    assert after_regroup({"ending": {}}) == END
    assert after_regroup({"ending": None, "proposed": [{}]}) == "validate"
    assert after_regroup({"ending": None, "proposed": []}) == "localize"


def test_a_problem_stated_is_reproduced_whatever_else_fails() -> None:
    failing: Any = {"baseline": {"failing": ["a"]}}
    stated: Any = {"problem_statement": "wrong", "only": []}
    assert after_baseline({"job": stated, "evidence": failing}) == "reproduce"
    assert after_baseline({"job": {**stated, "only": ["a"]}, "evidence": failing}) == "localize"


WHOLE = TestGroup(tests=("a", "b", "c"))
PARTS = TestGroup(tests=("a",)), TestGroup(tests=("b", "c"))


def with_parts(**changes: Any) -> RepairState:
    """The state after groups were put together; their parts have their turn later."""
    state: RepairState = {"job": plain(RepairJob(run_id="r", target=".")), "seconds": {}}
    first, update = first_round(state, evidence("a", "b", "c"), (WHOLE, *PARTS))
    state |= {"evidence": plain(first), **update, **changes}  # type: ignore[typeddict-item]
    return state


def test_what_was_put_together_is_tried_whole_and_then_in_parts() -> None:
    state = with_parts(unrepaired=dict.fromkeys("abc", "no patch"))
    assert baseline_of(state).failing == ("a", "b", "c")
    update: Any = next_round(state, 100.0)
    assert baseline_of(update).failing == ("a",)
    assert update["summary"] == "1 test alone"
    ending = plain(Ending(Status.NOT_REPAIRED, "none"))
    assert conclusion({**state, **update, "first_ending": ending})["ending"]["reason"] == "none"


def test_a_test_that_is_red_no_more_has_no_round() -> None:
    state = with_parts()
    flaky = flaky_after_all(restore(BaselineEvidence, state["evidence"]), {"a"})
    update: Any = next_round({**state, "evidence": plain(flaky)}, 100.0)
    assert baseline_of(update).failing == ("b", "c")


def test_what_was_asked_for_need_not_wait_for_what_it_was_put_together_with() -> None:
    state: RepairState = {"job": plain(RepairJob(run_id="r", target=".")), "seconds": {}}
    first, _ = first_round(state, evidence("a", "b", "c"), (WHOLE, *PARTS), ("c",))
    assert first.baseline.failing == ("b", "c")
    assert first.baseline.set_aside == {"a": NOT_THE_ISSUE}
