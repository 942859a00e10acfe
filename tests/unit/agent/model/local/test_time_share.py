"""What beside the decoding may run, and when."""

from __future__ import annotations

import pytest

from agent.model.local.time_share import TimeShare


@pytest.mark.parametrize(("share", "owed"), [(0.2, 4.0), (0.5, 1.0)])
def test_what_was_taken_is_paid_back_by_the_share(share: float, owed: float) -> None:
    work = TimeShare(share)
    assert not work.used_up
    work.spent(1.0)
    work.decoded(owed - 0.01)
    assert work.used_up
    work.decoded(100.0)
    assert not work.used_up
    work.spent(1.0)  # nothing was saved up
    assert work.used_up
    work.forget()
    assert not work.used_up


def test_a_share_of_all_never_waits() -> None:
    work = TimeShare(1.0)
    work.spent(100.0)
    assert not work.used_up


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_that_means_nothing(share: float) -> None:
    with pytest.raises(ValueError, match="share of time"):
        TimeShare(share)
