"""Jobs that ended, in the right hour and on the right day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agent.records import Status
from workers.store.statistics import EndedJob, Recent
from workers.web.pages.plots.bars import BASE, TOP
from workers.web.pages.plots.periods import DAYS, HOURS, plots

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def ended(ago: timedelta, wait: float | None = 5.0, status: Status = Status.REPAIRED) -> EndedJob:
    return EndedJob(
        ended_at=NOW - ago, wait_seconds=wait, outcome=status, tokens=10, gpu_seconds=2.0
    )


def test_each_job_is_counted_once_where_it_ended() -> None:
    jobs = [
        ended(timedelta(minutes=1)),
        ended(timedelta(minutes=29), status=Status.NOT_REPAIRED),
        ended(timedelta(minutes=31), wait=None),
        ended(timedelta(hours=23)),
        ended(timedelta(hours=24)),
        ended(timedelta(days=13)),
        ended(timedelta(days=14)),
    ]
    by_hour, waits, by_day, tokens, gpu = plots(Recent(until=NOW, jobs=jobs))
    assert [len(one.bars) for one in (by_hour, waits, by_day)] == [HOURS, HOURS, DAYS]
    assert [column.value for column in by_hour.columns] == [1.0] + [0.0] * 21 + [1.0, 2.0]
    assert by_hour.columns[-1].label == "12:00"
    assert by_hour.columns[-1].words == "2 jobs, 1 with a patch"
    assert [column.value for column in by_day.columns] == [1.0] + [0.0] * 11 + [2.0, 3.0]
    assert tokens.columns[-1].words == "30 tokens"
    assert gpu.columns[-1].words == "6.0 s"
    assert [column.value for column in waits.columns[-2:]] == [0.0, 5.0]


def test_waiting_time_is_a_median_and_what_nine_of_ten_stayed_below() -> None:
    jobs = [ended(timedelta(minutes=1), wait=float(seconds)) for seconds in range(1, 20)]
    _, waits, *_ = plots(Recent(until=NOW, jobs=jobs))
    column = waits.columns[-1]
    assert (column.value, column.upper) == (10.0, 18.0)
    assert waits.bars[-1].mark == TOP
    assert waits.bars[-1].top > TOP
    few = plots(Recent(until=NOW, jobs=jobs[:3]))[1].columns[-1]
    assert few.words == "median 2.0 s, longest 3.0 s"


def test_nothing_is_drawn_of_nothing() -> None:
    for one in plots(Recent(until=NOW, jobs=[])):
        assert one.is_empty
        assert {bar.top for bar in one.bars} == {BASE}
