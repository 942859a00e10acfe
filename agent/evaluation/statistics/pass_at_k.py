"""pass@k: would at least one of k answers be right?"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb


def pass_at_k(samples: int, right: int, k: int) -> float:
    """The unbiased estimate for one task, of `samples` answers of which `right` are right.

    1 - C(n-c, k) / C(n, k) of Chen et al. 2021 (arXiv:2107.03374), in whole numbers. Raises
    ValueError where there are fewer than k answers: then there is no unbiased estimate.
    """
    if not 0 <= right <= samples or not 1 <= k <= samples:
        raise ValueError(f"there is no pass@{k} of {right} right among {samples}")
    return 1.0 - comb(samples - right, k) / comb(samples, k)


def mean_pass_at_k(tasks: Sequence[tuple[int, int]], k: int) -> float:
    """Over tasks, each (answers, right answers). Raises ValueError, also without a task."""
    if not tasks:
        raise ValueError("there are no tasks")
    return sum(pass_at_k(samples, right, k) for samples, right in tasks) / len(tasks)
