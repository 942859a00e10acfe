"""McNemar's exact test against statsmodels, Tango's interval against a published example."""

from __future__ import annotations

import pytest

from agent.evaluation.statistics.paired import PairedCounts, mcnemar_exact, tango
from agent.evaluation.statistics.sample_size import tasks_to_tell_pairs, tasks_to_tell_share

# statsmodels 0.15: mcnemar([[_, b], [c, _]], exact=True).pvalue
STATSMODELS = [
    (0, 0, 1.0000000000),
    (1, 7, 0.0703125000),
    (12, 2, 0.0129394531),
    (5, 5, 1.0000000000),
    (40, 20, 0.0134892937),
]


def pairs(both: int, first: int, second: int, neither: int) -> PairedCounts:
    return PairedCounts(both=both, first=first, second=second, neither=neither)


@pytest.mark.parametrize(("first", "second", "p_value"), STATSMODELS)
def test_mcnemar_is_that_of_statsmodels(first: int, second: int, p_value: float) -> None:
    assert mcnemar_exact(pairs(3, first, second, 4)) == pytest.approx(p_value, abs=1e-9)


def test_tango_gives_the_interval_of_the_published_example() -> None:
    # Fagerland, Lydersen, Laake (Statistics in Medicine 33, 2014): the airway data of Bentur et al.
    low, high = tango(pairs(1, 1, 7, 12))
    assert (low, high) == pytest.approx((-0.517, -0.026), abs=0.0005)


@pytest.mark.parametrize(("b", "c", "n"), [(0, 1, 44), (9, 3, 60), (0, 0, 10), (5, 0, 5)])
def test_tango_turns_with_the_order_and_holds_the_difference(b: int, c: int, n: int) -> None:
    one = pairs(n - b - c, b, c, 0)
    low, high = tango(one)
    assert -1.0 <= low <= one.difference <= high <= 1.0
    assert tango(pairs(n - b - c, c, b, 0)) == pytest.approx((-high, -low), abs=1e-9)


def test_of_nothing_nothing_is_known() -> None:
    assert tango(pairs(0, 0, 0, 0)) == (-1.0, 1.0)


def test_the_number_of_tasks_needed_grows_as_the_difference_shrinks() -> None:
    assert tasks_to_tell_pairs(pairs(50, 5, 5, 40)) is None
    near, far = tasks_to_tell_pairs(pairs(50, 6, 4, 40)), tasks_to_tell_pairs(pairs(50, 20, 4, 26))
    assert near is not None
    assert far is not None
    assert near > far > 10
    assert tasks_to_tell_share(0.77, 0.772) > tasks_to_tell_share(0.70, 0.772) > 100  # type: ignore[operator]
    assert tasks_to_tell_share(0.5, 0.5) is None
