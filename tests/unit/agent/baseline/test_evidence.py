"""Failing tests that are asked for now, and those that are not."""

from __future__ import annotations

from agent.baseline.evidence import BaselineEvidence, focused, red, without
from agent.records import Baseline
from sandbox.runners.base import Outcome, TestResult


def evidence(*failing: str) -> BaselineEvidence:
    return BaselineEvidence(
        baseline=Baseline(failing=failing, passing=("p",), set_aside={"net": "no network"}),
        failures={t: TestResult(test_id=t, outcome=Outcome.FAILED) for t in failing},
        order=("a", "p", "b", "c"),
    )


def test_who_is_not_asked_for_is_set_aside_and_still_red() -> None:
    taken = focused(evidence("c", "a", "b"), {"b"}, {"a": "waits", "b": "-", "c": "later"})
    assert taken.baseline.failing == ("b",)
    assert taken.baseline.still_red == ("a", "c")
    assert taken.baseline.set_aside == {"net": "no network", "a": "waits", "c": "later"}
    assert (set(taken.failures), set(taken.others)) == ({"b"}, {"a", "c"})
    assert taken.baseline.failed == 3
    assert tuple(red(taken)) == ("a", "b", "c")


def test_the_others_have_their_turn() -> None:
    first = focused(evidence("a", "b"), {"a"}, {"b": "waits"})
    second = focused(first, {"b"}, {"a": "not repaired"})
    assert second.baseline.failing == ("b",)
    assert second.baseline.set_aside == {"net": "no network", "a": "not repaired"}
    whole = focused(second, {"a", "b"}, {})
    assert whole == evidence("a", "b")


def test_what_no_patch_can_mend_is_not_counted_as_red() -> None:
    taken = focused(without(evidence("a", "b", "c"), {"c": "library"}), {"a"}, {"b": "waits"})
    assert taken.baseline.still_red == ("b",)
    assert taken.baseline.set_aside["c"] == "library"
