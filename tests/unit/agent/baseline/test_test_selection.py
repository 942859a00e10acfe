"""Tests that fit into a budget."""

from __future__ import annotations

from agent.baseline.test_selection import nearest_passing, quickest


def test_tests_of_the_failing_files_come_first() -> None:
    passing = ["b.py::one", "a.py::two", "b.py::three", "a.py::four"]
    seconds = dict.fromkeys(passing, 1.0)
    near = nearest_passing(["a.py::broken"], passing, seconds, budget_seconds=3.0)
    assert near == ["a.py::two", "a.py::four", "b.py::one"]


def test_overhead_and_tests_without_a_time_count() -> None:
    near = nearest_passing(
        [], [f"a.py::{n}" for n in range(10)], {}, budget_seconds=0.5, overhead_seconds=0.1
    )
    assert len(near) == 4


def test_the_quickest_within_the_budget() -> None:
    seconds = {"slow": 3.0, "quick": 0.5, "medium": 1.5}
    assert quickest(list(seconds), seconds, budget_seconds=2.0, max_tests=9) == ["quick", "medium"]
    assert quickest(list(seconds), seconds, budget_seconds=9.0, max_tests=1) == ["quick"]
    assert quickest(["unknown", "slow"], seconds, budget_seconds=1.0, max_tests=9) == ["unknown"]
    assert quickest([], seconds, budget_seconds=1.0, max_tests=9) == []
