"""Which tests to run where there is no time for all: near ones, or quick ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sandbox.runners.test_ids import named_file

UNKNOWN_TEST_SECONDS = 0.01
"""Of a test that nothing timed: most tests are quick."""
UNKNOWN_QUICK_TEST_SECONDS = 1.0
"""Of one that is to be quick: it has yet to show that."""


def nearest_passing(
    failing: Iterable[str],
    passing: Collection[str],
    seconds: Mapping[str, float],
    *,
    budget_seconds: float,
    overhead_seconds: float = 0.0,
) -> list[str]:
    """Passing tests that fit into the budget one after the other, those in files of the failing
    tests first. `seconds` are those of each test in the baseline."""
    files = {named_file(test_id) for test_id in failing}
    tests = sorted(passing, key=lambda test_id: named_file(test_id) not in files)
    costs = ((t, seconds.get(t, UNKNOWN_TEST_SECONDS) + overhead_seconds) for t in tests)
    return _within(costs, budget_seconds)


def quickest(
    test_ids: Sequence[str],
    seconds: Mapping[str, float],
    *,
    budget_seconds: float,
    max_tests: int,
) -> list[str]:
    """The quickest of the tests, as many as fit into the budget one after the other."""
    costs = [(test_id, seconds.get(test_id, UNKNOWN_QUICK_TEST_SECONDS)) for test_id in test_ids]
    return _within(sorted(costs, key=lambda cost: cost[1])[:max_tests], budget_seconds)


def _within(costs: Iterable[tuple[str, float]], budget_seconds: float) -> list[str]:
    selection: list[str] = []
    total_seconds = 0.0
    for test_id, test_seconds in costs:
        total_seconds += test_seconds
        if total_seconds > budget_seconds:
            break
        selection.append(test_id)
    return selection
