"""How many sequences may be in memory after it ran out."""

from __future__ import annotations

from agent.model.local.row_limit import RowLimit


def progress(limit: RowLimit, steps: int) -> int:
    for _ in range(steps):
        limit.progressed()
    return limit.rows


def test_it_shrinks_at_once_and_grows_one_by_one() -> None:
    limit = RowLimit(4)
    limit.shrink(2)
    assert (limit.rows, limit.tight) == (2, True)
    assert progress(limit, 31) == 2
    assert progress(limit, 1) == 3
    assert progress(limit, 32) == 4
    assert not limit.tight


def test_a_load_that_does_not_fit_is_tried_seldom() -> None:
    limit = RowLimit(4)
    limit.shrink(2)
    limit.shrink(2)
    assert progress(limit, 63) == 2
    assert progress(limit, 1) == 3


def test_it_never_allows_none_nor_more_than_before() -> None:
    limit = RowLimit(1)
    limit.shrink(0)
    assert (limit.rows, limit.exclusive) == (1, True)
    assert progress(limit, 32) == 1
    assert not limit.exclusive
    limit = RowLimit(8)
    limit.shrink(3)
    limit.shrink(5)
    assert limit.rows == 3
