"""Where the graph goes after a baseline, also when the environment has to be built again."""

from __future__ import annotations

from langgraph.graph import END

from agent.graph.routing import after_baseline


def test_failing_tests_are_localized() -> None:
    assert after_baseline({"evidence": {"baseline": {"failing": ["test_a.py::test_a"]}}}) == (
        "localize"
    )


def test_without_a_failing_test_the_problem_is_reproduced_first() -> None:
    assert after_baseline({"evidence": {"baseline": {"failing": []}}}) == "reproduce"


def test_an_ending_ends() -> None:
    assert after_baseline({"ending": {"status": "no_tests", "reason": "none"}}) == END


def test_a_pytest_too_new_for_the_project_leads_back_to_prepare() -> None:
    assert after_baseline({"pytest_below": 9}) == "prepare"
