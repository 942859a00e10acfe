"""Which outcomes of candidates that shared a fork are believed, and which run again."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.languages.python.guest_programs.evaluation.screening.sharing import (
    FORKS_TO_JUDGE,
    Job,
    Outcome,
    Sharing,
)

FAILED: dict[str, Any] = {"state": "target_failed", "results": [], "signature": "x"}
BROKEN_SYNTAX: dict[str, Any] = {"state": "does_not_compile", "results": [], "signature": "x"}


@pytest.fixture
def sharing() -> Sharing:
    made = Sharing(["t::a"], 16)
    made.is_possible = True
    made.expect("t::a", "AssertionError")
    return made


def job(sharing: Sharing, count: int) -> Job:
    return sharing.job([{"number": number, "mode": "fast"} for number in range(count)])


def end(sharing: Sharing, how: str, *verdicts: dict[str, Any], members: int = 4) -> Outcome:
    return sharing.ended(job(sharing, members), {"shared": how, "verdicts": list(verdicts)})


def numbers(jobs: list[Job]) -> list[int]:
    return [job["number"] for job in jobs]


def test_what_the_base_confirmed_is_believed(sharing: Sharing) -> None:
    passed, imported = {"again": "full"}, {"again": "exact"}
    outcome = end(sharing, "confirmed", FAILED, passed, imported, BROKEN_SYNTAX)
    assert numbers([decided.job for decided in outcome.decided]) == [0, 3]
    assert [(j["number"], j["mode"], j.get("full")) for j in outcome.again] == [
        (1, "fast", True),
        (2, "exact", None),
    ]


def test_the_first_that_leaves_something_behind_is_believed_and_the_rest_runs(
    sharing: Sharing,
) -> None:
    outcome = end(sharing, "changed", BROKEN_SYNTAX, FAILED)
    assert numbers([decided.job for decided in outcome.decided]) == [0, 1]
    assert numbers(outcome.again) == [2, 3]


def test_a_later_one_that_leaves_something_behind_runs_alone_and_those_before_it_again(
    sharing: Sharing,
) -> None:
    outcome = end(sharing, "changed", FAILED, BROKEN_SYNTAX, FAILED)
    assert numbers([decided.job for decided in outcome.decided]) == [1]
    assert [(j["number"], j.get("alone")) for j in outcome.again] == [
        (0, None),
        (2, True),
        (3, None),
    ]


def test_where_the_base_fails_otherwise_all_run_alone_and_no_fork_is_shared_again(
    sharing: Sharing,
) -> None:
    outcome = end(sharing, "differs", FAILED, FAILED, members=2)
    assert outcome.decided == []
    assert all(job["alone"] for job in outcome.again)
    assert not sharing.is_ready()


def test_what_ends_the_fork_runs_alone_and_all_others_again(sharing: Sharing) -> None:
    again = sharing.broken(job(sharing, 3), 1, "alone")
    assert [(j["number"], j.get("alone")) for j in again] == [(0, None), (1, True), (2, None)]
    assert not sharing.takes(again[1])
    assert sharing.takes(again[2])


def test_forks_that_save_nothing_are_given_up(sharing: Sharing) -> None:
    for _ in range(FORKS_TO_JUDGE - 1):
        end(sharing, "changed", FAILED)
    end(sharing, "confirmed", FAILED, FAILED)
    assert sharing.is_ready()
    for _ in range(FORKS_TO_JUDGE):
        end(sharing, "changed", FAILED)
    assert not sharing.is_ready()


@pytest.mark.parametrize(
    "special",
    [
        {"mode": "exact"},
        {"probe": "full"},
        {"observe": {}},
        {"alone": True},
        {"full": True},
        {"patient": True},
    ],
)
def test_what_needs_a_fork_of_its_own(sharing: Sharing, special: dict[str, Any]) -> None:
    assert not sharing.takes({"number": 1, "mode": "fast", **special})


def test_no_fork_is_shared_before_it_is_known_how_every_target_fails() -> None:
    sharing = Sharing(["t::a", "t::b"], 16)
    sharing.is_possible = True
    sharing.expect("t::a", "x")
    assert not sharing.is_ready()
    sharing.expect("t::b", "y")
    assert sharing.is_ready()


def test_every_worker_gets_some(sharing: Sharing) -> None:
    assert sharing.size(waiting=7, free_workers=2) == 4
    assert sharing.size(waiting=100, free_workers=2) == 16
