"""Baselines in words."""

from __future__ import annotations

from agent.graph.nodes.baseline import _summary
from agent.records import Baseline
from agent.wording import tests as told


def test_where_no_test_ran_none_is_said_to_pass() -> None:
    assert told(Baseline(failing=(), passing=())) == "no test ran"
    assert told(Baseline(failing=(), passing=(), skipped=("a",))) == (
        "0 tests fail, 0 pass, 1 skipped"
    )


def test_the_line_of_the_baseline_counts_every_test() -> None:
    assert _summary(Baseline(failing=("a",), passing=("b", "c"))) == "1 failing, 2 passing"
    taken = Baseline(
        failing=("a",),
        passing=("b", "c"),
        flaky=("d",),
        skipped=("e", "f"),
        set_aside={"g": "no network"},
    )
    assert _summary(taken) == "1 failing, 2 passing, 1 flaky, 2 skipped, 1 set aside"
