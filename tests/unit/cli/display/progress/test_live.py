from __future__ import annotations

import math
import re

import pytest
from rich.console import Console

from agent.events import (
    BaselineTaken,
    CandidateValidated,
    Event,
    Localized,
    Progress,
    SearchProgress,
    StageEnded,
    StageStarted,
    Warned,
)
from agent.records import Baseline, SuspiciousLine
from cli.display.console import PLAINER, animated
from cli.display.progress.live import LiveDisplay
from tests.support.cli_records import terminal, written

HOSTILE = "[bold red]x[/] \x1b[2J\x1b]0;title\x07 :smile: \u202e\r\n"
EVENTS: tuple[Event, ...] = (
    StageStarted(stage="baseline"),
    Progress(text=f"running {HOSTILE}"),
    BaselineTaken(baseline=Baseline(failing=("a",), passing=("b",) * 41, flaky=("c",))),
    StageEnded(stage="baseline", seconds=1.5, summary=HOSTILE),
    StageStarted(stage="localize"),
    Localized(
        lines=tuple(
            SuspiciousLine(
                path=f"src/{HOSTILE}/m{n}.py",
                line=n,
                score=0.9,
                ochiai=0.8,
                dstar=1.0,
                reasons=("traceback",),
            )
            for n in range(9)
        )
    ),
    StageEnded(stage="localize", seconds=0.2, summary="9 lines"),
    StageStarted(stage="propose"),
    SearchProgress(tried=12345, per_second=321.4, best=f"`a` → `b` {HOSTILE}"),
    Warned(text=HOSTILE),
    CandidateValidated(plausible=True, description=HOSTILE),
)


def drawn(display: LiveDisplay, console: Console) -> list[str]:
    """The rows of one frame as plain text."""
    with console.capture() as capture:
        console.print(display.frame())
    return re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()


def test_a_frame_holds_all_that_is_asked_of_it() -> None:
    console = terminal(width=100)
    now = [0.0]
    display = LiveDisplay(console, max_seconds=300, clock=lambda: now[0])
    for event in EVENTS:
        display(event)
    now[0] = 42.0
    frame = "\n".join(drawn(display, console))
    for words in ("propose", "42 s", "at most 4 min 18 s left", "1 red", "41 green", "1 flaky"):
        assert words in frame
    for words in ("12,345", "321/s", "1 passed the verdict", "best"):
        assert words in frame
    assert frame.count(".py:") == 5


def test_the_budget_is_a_bar_and_a_passing_patch_is_not_the_end() -> None:
    console = terminal(width=120)
    now = [0.0]
    display = LiveDisplay(console, max_seconds=200, clock=lambda: now[0])
    for event in EVENTS[:-1]:
        display(event)
    assert "goes on" not in "\n".join(drawn(display, console))
    display(EVENTS[-1])
    now[0] = 50.0
    frame = "\n".join(drawn(display, console))
    assert "━" * 5 + "─" * 15 + " at most 2 min 30 s left; Ctrl-C ends it" in frame
    assert "looks for others half as long again" in frame
    display(StageEnded(stage="propose", seconds=1.0, summary=""))
    display(StageStarted(stage="select"))
    assert "goes on" not in "\n".join(drawn(display, console))
    now[0] = 500.0
    assert "━" * 20 + " at most 0.0 s left" in "\n".join(drawn(display, console))


def test_the_bar_is_one_in_ascii_too() -> None:
    assert "━━──".encode("ascii", PLAINER) == b"==--"


@pytest.mark.parametrize("width", [100, 40, 12, 3])
def test_a_frame_never_wraps(width: int) -> None:
    console = terminal(width=width)
    display = LiveDisplay(console, max_seconds=300)
    for event in EVENTS:
        display(event)
    rows = drawn(display, console)
    assert len(rows) == 11  # stage, time, tests, five places, tried, best, why it goes on
    assert all(len(row) <= width for row in rows)


def test_hostile_text_reaches_the_terminal_only_as_text() -> None:
    console = terminal(colour=False)
    with LiveDisplay(console, max_seconds=300) as display:
        for event in EVENTS:
            display(event)
    output = written(console)
    # What is left are the cursor movements of the display itself.
    assert set(re.findall(r"\x1b(\[[0-9;?]*[A-Za-z]|.)", output)) <= {
        "[?25l",
        "[?25h",
        "[2K",
        "[1A",
    }
    assert "\x07" not in output
    assert "\u202e" not in output
    assert "[bold red]x[/]" in output


def test_finished_stages_stay_on_the_screen() -> None:
    console = terminal()
    with LiveDisplay(console, max_seconds=300) as display:
        for event in EVENTS:
            display(event)
        display(StageEnded(stage="propose", seconds=3.0, summary="12,345 candidates"))
    assert "12,345 candidates" in written(console)


def test_a_dumb_terminal_and_a_pipe_get_no_animation() -> None:
    assert not animated(Console(force_terminal=True, _environ={"TERM": "dumb"}))
    assert not animated(Console(force_terminal=False, _environ={"TERM": "xterm"}))
    assert animated(Console(force_terminal=True, _environ={"TERM": "xterm"}))


def test_the_model_has_a_row_beside_what_is_judged() -> None:
    console = terminal(width=100)
    display = LiveDisplay(console, max_seconds=600)
    display(StageStarted(stage="validate"))
    display(Progress(text="judging `a` → `b`"))
    display(Progress(text="model: turn 2, thinking", background=True))
    rows = drawn(display, console)
    assert "judging `a` → `b`" in rows[0]
    assert rows[-1].split() == ["beside", "model:", "turn", "2,", "thinking"]
    display(CandidateValidated(plausible=False, description="x", objections=("breaks t",)))
    assert "rejected: x (breaks t)" in drawn(display, console)[0]
    display(StageEnded(stage="select", seconds=1.0, summary=""))
    assert "turn 2" not in "".join(drawn(display, console))


def test_there_is_always_a_stage_and_no_time_where_none_is_set() -> None:
    console = terminal(width=100)
    display = LiveDisplay(console, max_seconds=math.inf)
    assert drawn(display, console)[0].split()[0] == "starting"
    assert "left" not in drawn(display, console)[0]
    display(StageStarted(stage="propose"))
    display(StageEnded(stage="propose", seconds=1.0, summary=""))
    assert drawn(display, console)[0].split()[0] == "propose"
