"""The unbiased estimator, against what it is by definition: drawing k answers of n."""

from __future__ import annotations

from itertools import combinations

import pytest

from agent.evaluation.statistics.pass_at_k import mean_pass_at_k, pass_at_k


@pytest.mark.parametrize("samples", range(1, 8))
def test_it_is_the_share_of_draws_that_hold_a_right_answer(samples: int) -> None:
    for right in range(samples + 1):
        answers = [position < right for position in range(samples)]
        for k in range(1, samples + 1):
            draws = list(combinations(answers, k))
            assert pass_at_k(samples, right, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_large_numbers_stay_exact() -> None:
    assert pass_at_k(200, 1, 100) == pytest.approx(0.5)
    assert mean_pass_at_k([(200, 200), (200, 0)], 1) == 0.5


@pytest.mark.parametrize(("samples", "right", "k"), [(3, 1, 4), (3, 4, 1), (3, 1, 0)])
def test_what_cannot_be_estimated_is_refused(samples: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match="there is no pass@"):
        pass_at_k(samples, right, k)
