"""What a stage of an earlier job leaves to do."""

from __future__ import annotations

import pytest

from workers.jobs.past_runs import PastRun

RUN = PastRun(
    seconds=40.0,
    stage_seconds={
        "prepare": 9.0,
        "baseline": 5.0,
        "localize": 2.0,
        "propose": 8.0,
        "validate": 6.0,
        "select": 7.0,
    },
)


@pytest.mark.parametrize(
    ("stage", "rest"),
    [("", 40.0), ("prepare", 37.0), ("propose", 21.0), ("validate", 21.0), ("select", 7.0)],
)
def test_from_the_beginning_of_a_stage(stage: str, rest: float) -> None:
    assert RUN.rest(stage) == rest
