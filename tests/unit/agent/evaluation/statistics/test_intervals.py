"""Wilson's interval against statsmodels' figures, and what groups of tasks do to it."""

from __future__ import annotations

import pytest

from agent.evaluation.statistics.intervals import (
    design_effect,
    share_interval,
    wilson,
)

# statsmodels 0.15: proportion_confint(k, n, method="wilson")
STATSMODELS = [
    (0, 5, 0.0000000000, 0.4344824648),
    (1, 5, 0.0362241086, 0.6244653702),
    (5, 5, 0.5655175352, 1.0000000000),
    (82, 164, 0.4243570474, 0.5756429526),
    (138, 164, 0.7778420785, 0.8894543141),
    (499, 500, 0.9887592933, 0.9996468636),
]
# statsmodels 0.15: OLS on a constant, cov_type="cluster", over the binomial variance
GROUPS = {"a": [1.0, 1.0, 1.0, 0.0], "b": [0.0, 0.0, 0.0], "c": [1.0, 1.0], "d": [1.0, 0.0]}
EFFECT = 2.0444444444


@pytest.mark.parametrize(("right", "number", "low", "high"), STATSMODELS)
def test_wilson_is_that_of_statsmodels(right: int, number: int, low: float, high: float) -> None:
    assert wilson(right, number) == pytest.approx((low, high), abs=1e-9)


def test_nothing_tells_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0) == share_interval({})


def test_the_design_effect_is_the_cluster_robust_variance_over_the_binomial() -> None:
    assert design_effect(GROUPS) == pytest.approx(EFFECT)


def test_groups_that_fail_together_widen_the_interval() -> None:
    alone = {str(i): [float(i % 2)] for i in range(40)}
    together = {str(i): [float(i % 2)] * 10 for i in range(4)}
    assert share_interval(alone) == wilson(20, 40)
    low, high = share_interval(together)
    assert low < wilson(20, 40)[0]
    assert high > wilson(20, 40)[1]


def test_estimates_of_few_tasks_stay_uncertain() -> None:
    low, high = share_interval({"only": [0.5]})
    assert low < 0.1
    assert high > 0.9
    assert share_interval({str(i): [0.5] for i in range(40)}) == wilson(20, 40)
