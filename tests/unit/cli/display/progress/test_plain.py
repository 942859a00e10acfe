from __future__ import annotations

import io

from agent.events import (
    BaselineTaken,
    CandidateValidated,
    Localized,
    Progress,
    SearchProgress,
    StageEnded,
    StageStarted,
    Warned,
)
from agent.records import Baseline, SuspiciousLine
from cli.display.progress.plain import PlainDisplay


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines_of(stream: io.StringIO) -> list[str]:
    return [line.split("] ", 1)[1] for line in stream.getvalue().splitlines()]


def test_each_stage_is_told_once_although_two_take_turns() -> None:
    stream = io.StringIO()
    with PlainDisplay(stream) as display:
        display(StageStarted(stage="localize"))
        display(StageEnded(stage="localize", seconds=1.0, summary="12 lines"))
        for _ in range(3):
            display(StageStarted(stage="propose"))
            display(StageEnded(stage="propose", seconds=2.0, summary=""))
            display(StageStarted(stage="validate"))
            display(StageEnded(stage="validate", seconds=1.0, summary=""))
        display(StageStarted(stage="select"))
        display(StageEnded(stage="select", seconds=0.5, summary=""))
    assert lines_of(stream) == [
        "localize ...",
        "localize done in 1.0 s: 12 lines",
        "propose ...",
        "validate ...",
        "propose done in 6.0 s",
        "validate done in 3.0 s",
        "select ...",
        "select done in 0.5 s",
    ]


def test_a_stage_that_comes_again_and_one_that_is_cut_off() -> None:
    stream = io.StringIO()
    with PlainDisplay(stream) as display:
        for cut_off in (False, True):
            display(StageStarted(stage="prepare"))
            display(StageEnded(stage="prepare", seconds=2.0, summary="calc", cut_off=cut_off))
        display(StageStarted(stage="propose"))
        display(StageEnded(stage="propose", seconds=3.0, summary="", cut_off=True))
    assert lines_of(stream) == [
        "prepare ...",
        "prepare done in 2.0 s: calc",
        "prepare ...",
        "prepare cut off after 2.0 s: calc",
        "propose ...",
        "propose cut off after 3.0 s",
    ]


def test_progress_comes_every_five_seconds_and_its_last_figures_are_told() -> None:
    stream, clock = io.StringIO(), Clock()
    with PlainDisplay(stream, clock=clock) as display:
        display(StageStarted(stage="propose"))
        for tried in range(0, 130, 10):
            clock.now = tried / 10
            display(SearchProgress(tried=tried, per_second=10.0, best=""))
        display(StageEnded(stage="propose", seconds=13.0, summary=""))
    assert [line for line in lines_of(stream) if "tried" in line] == [
        "  50 candidates tried, 10/s",
        "  100 candidates tried, 10/s",
        "  120 candidates tried, 10/s",
    ]


def test_what_the_target_says_cannot_leave_its_line() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream, verbose=True)
    display(Progress(text="a\r\x1b[2Jb\nc"))
    display(Warned(text="x\ny"))
    display(CandidateValidated(plausible=False, description="d\x07", objections=("o\n",)))
    assert len(stream.getvalue().splitlines()) == 3
    assert "\x1b" not in stream.getvalue()
    assert "\x07" not in stream.getvalue()


def test_rejected_candidates_are_told_as_progress_is() -> None:
    quiet, loud, clock = io.StringIO(), io.StringIO(), Clock()
    event = CandidateValidated(plausible=False, description="a → b", objections=("breaks t",))
    seldom = PlainDisplay(quiet, clock=clock)
    seldom(event)
    PlainDisplay(loud, verbose=True)(event)
    assert quiet.getvalue() == ""
    assert "rejected: a → b (breaks t)" in loud.getvalue()
    clock.now = 6.0  # verdicts that take long are not silent
    seldom(event)
    assert "rejected: a → b (breaks t)" in quiet.getvalue()


def test_counts_and_places() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    display(BaselineTaken(baseline=Baseline(failing=("a",), passing=("b", "c"), flaky=("d",))))
    display(
        Localized(lines=(SuspiciousLine(path="m.py", line=3, score=1.0, ochiai=1.0, dstar=1.0),))
    )
    assert lines_of(stream) == [
        "  1 test fails, 2 pass, 1 is flaky",
        "  most suspicious: m.py:3",
    ]


def test_a_stream_that_is_ascii_only_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    PlainDisplay(stream)(Warned(text="größe → 大"))
    assert b"gr\\xf6\\xdfe" in raw.getvalue()
