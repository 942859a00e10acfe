"""Which failing tests are repaired together."""

from __future__ import annotations

from collections.abc import Mapping

from agent.baseline.failures.grouping import (
    TestGroup,
    groups_of,
    innermost,
    outermost,
    without_tests,
)
from sandbox.runners.base import Frame, Outcome, TestResult

PLUMBING = {"app.py": range(1, 30)}
"""Lines that every test runs."""


def failed(test_id: str, *, at: str = "", exception: str = "AssertionError", **more: str) -> object:
    path, _, function = at.partition(":")
    frames = (Frame(path=path, line=3, function=function),) if at else ()
    return TestResult(
        test_id=test_id, outcome=Outcome.FAILED, exception=exception, frames=frames, **more
    )


def grouped(
    failures: Mapping[str, object], lines: Mapping[str, Mapping[str, object]], passing: int = 50
) -> list[TestGroup]:
    return groups_of(
        failures,  # type: ignore[arg-type]
        lines,  # type: ignore[arg-type]
        [PLUMBING] * passing,
        lambda path: not path.startswith("test_"),
    )


def names_of(groups: list[TestGroup]) -> list[tuple[str, ...]]:
    return [group.tests for group in groups]


def test_tests_that_share_what_is_special_about_them_are_one_group() -> None:
    lines = {
        "t::a": {**PLUMBING, "shelf.py": range(1, 9)},
        "t::b": {**PLUMBING, "shelf.py": range(4, 12)},
        "t::c": {**PLUMBING, "dates.py": range(1, 9)},
    }
    failures = {test_id: failed(test_id) for test_id in ("t::a", "t::c", "t::b")}
    assert names_of(grouped(failures, lines)) == [("t::a", "t::b"), ("t::c",)]


def test_what_every_test_runs_ties_nothing_together() -> None:
    lines = {"t::a": {**PLUMBING, "a.py": [1, 2]}, "t::b": {**PLUMBING, "b.py": [1, 2]}}
    failures = {test_id: failed(test_id) for test_id in lines}
    assert len(grouped(failures, lines)) == 2
    assert len(grouped(failures, lines, passing=0)) == 1, "without passing tests nobody can tell"


def test_tests_that_fail_alike_in_one_function_are_one_group_whatever_they_run() -> None:
    failures = {
        "t::a": failed("t::a", at="shelf.py:add", exception="KeyError"),
        "u::b": failed("u::b", at="shelf.py:add", exception="KeyError"),
        "w::c": failed("w::c", at="shelf.py:add", exception="TypeError"),
    }
    assert names_of(grouped(failures, {})) == [("t::a", "u::b"), ("w::c",)]


def test_of_tests_that_run_nothing_a_file_is_one_group() -> None:
    """A constant that is wrong is read by no line of the project that runs."""
    failures = {test_id: failed(test_id, at="test_x.py:f") for test_id in ("t::a", "t::b", "u::c")}
    assert names_of(grouped(failures, {})) == [("t::a", "t::b"), ("u::c",)]


def test_what_seems_the_fault_of_the_machine_is_a_group_of_its_own_and_comes_last() -> None:
    lines = {test_id: {"calc.py": [1, 2]} for test_id in ("t::locale", "t::a", "t::b")}
    failures = {
        "t::locale": failed("t::locale", message="Error: unsupported locale setting"),
        **{test_id: failed(test_id) for test_id in ("t::a", "t::b")},
    }
    first, last = grouped(failures, lines)
    assert (first.tests, first.cause) == (("t::a", "t::b"), "")
    assert (last.tests, last.cause) == (("t::locale",), "the locale of this machine")


def test_groups_without_some_tests() -> None:
    groups = [TestGroup(tests=("a", "b"), cause="c"), TestGroup(tests=("d",))]
    assert without_tests(groups, {"a", "d"}) == [TestGroup(tests=("b",), cause="c")]


RULES = {
    f"t::rule{n}": {**PLUMBING, f"rule{n}.py": range(1, 9), "near.py": [4, 5]} for n in range(1, 5)
}


def test_what_one_wrong_function_explains_is_one_group_and_its_parts_keep_their_turn() -> None:
    """Each rule has lines that only its own test runs, and all call the function that is wrong."""
    lines = {**RULES, "t::dates": {**PLUMBING, "dates.py": range(1, 9)}}
    groups = grouped({test_id: failed(test_id) for test_id in lines}, lines)
    assert names_of(groups[:2]) == [tuple(RULES), ("t::dates",)]
    assert names_of(groups[2:]) == [(test_id,) for test_id in RULES]
    assert outermost(groups) == groups[:2]


def test_a_shared_function_that_many_passing_tests_run_explains_nothing() -> None:
    two = dict(list(RULES.items())[:2])
    failures = {test_id: failed(test_id) for test_id in two}
    passing = [{**PLUMBING, "near.py": [4, 5]}] * 20
    groups = groups_of(failures, two, passing, lambda path: True)  # type: ignore[arg-type]
    assert names_of(groups) == [(test_id,) for test_id in two]


def test_two_groups_stay_apart_whatever_they_share() -> None:
    two = dict(list(RULES.items())[:2])
    groups = grouped({test_id: failed(test_id) for test_id in two}, two)
    assert names_of(groups) == [(test_id,) for test_id in two]


def test_the_groups_without_a_part_and_those_that_are_no_part() -> None:
    whole, part, other = (TestGroup(tests=tuple(names)) for names in ("ab", "a", "c"))
    assert outermost([whole, part, other]) == [whole, other]
    assert innermost([whole, part, other]) == [part, other]


def test_tests_of_one_group_that_one_thing_stops_have_their_turn_by_themselves() -> None:
    """All run what is wrong; one of them would fail without that as well."""
    run = {**PLUMBING, "schema.py": range(1, 9)}
    failures = {
        "t::a": failed("t::a", at="schema.py:fill", exception="NameError"),
        "t::b": failed("t::b", at="schema.py:fill", exception="NameError"),
        "t::order": failed("t::order", at="test_x.py:check"),
    }
    whole, part = grouped(failures, dict.fromkeys(failures, run))
    assert whole == TestGroup(tests=("t::a", "t::b", "t::order"))
    assert part == TestGroup(tests=("t::a", "t::b"), of=whole.tests)
    assert outermost([whole, part]) == [whole]
    assert without_tests([part], ["t::a", "t::b"]) == []


def test_a_group_that_one_thing_stops_has_no_parts() -> None:
    run = {**PLUMBING, "schema.py": range(1, 9)}
    names = ("t::a", "t::b")
    failures = {name: failed(name, at="schema.py:fill", exception="NameError") for name in names}
    assert len(grouped(failures, dict.fromkeys(failures, run))) == 1
