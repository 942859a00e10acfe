"""The live display: what a person at a terminal sees while a repair runs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.text import Text

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
from agent.untrusted_text import printable, shortened
from agent.wording import MAX_SHOWN_LINES, duration, line_of, place
from cli.display.progress.stages import ALTERNATING_STAGES, StageCounts

FRAMES_PER_SECOND = 8
BAR_CHARACTERS = 20
WHY_IT_GOES_ON = "the first patch is often not the right one: looks for others half as long again"
LABEL_CHARACTERS = 9
BETWEEN_STAGES = "starting"
"""Before the first stage; between two the next one follows at once."""


class LiveDisplay:
    """Draws the state of one repair; finished stages scroll up as ordinary lines.

    Called from the thread that runs the graph; drawn from rich's refresh thread.
    """

    def __init__(
        self,
        console: Console,
        *,
        max_seconds: float,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._max_seconds = max_seconds
        self._verbose = verbose
        self._clock = clock
        self._started = clock()
        self._stage = ""
        self._stage_started = self._started
        self._detail = ""
        self._beside = ""
        """What the model does while the stage does something else."""
        self._baseline: Baseline | None = None
        self._places: tuple[SuspiciousLine, ...] = ()
        self._search: SearchProgress | None = None
        self._plausible = 0
        self._stages = StageCounts()
        self._lock = threading.Lock()
        self._live = Live(
            get_renderable=self.frame,
            console=console,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()
        with self._lock:
            ends = self._stages.due()
        for end in ends:
            self._console.print(_stage_line(end))

    def __call__(self, event: Event) -> None:
        with self._lock:
            lines = self._take(event)
        for line in lines:
            self._console.print(line)

    def note(self, text: str) -> None:
        """A sentence of the command itself, above the live part."""
        self._console.print(Text(text, style="yellow"))

    def _take(self, event: Event) -> list[Text]:
        """Change what is drawn; return the lines to print for good."""
        match event:
            case StageStarted(stage=stage):
                self._stage, self._stage_started, self._detail = stage, self._clock(), ""
                return [_stage_line(end) for end in self._stages.started(event)[1]]
            case StageEnded():
                self._detail = ""
                if event.stage == "select":
                    self._beside = ""
                return [_stage_line(end) for end in self._stages.ended(event)]
            case Progress(text=text, background=True):
                self._beside = text
            case Progress(text=text):
                self._detail = text
            case Warned(text=text):
                return [Text(f"warning: {printable(text)}", style="yellow")]
            case BaselineTaken(baseline=baseline):
                self._baseline = baseline
            case Localized(lines=lines):
                self._places = lines[:MAX_SHOWN_LINES]
            case SearchProgress():
                self._search = event
            case CandidateValidated():
                self._plausible += event.plausible
                self._detail = (line_of(event) or "").strip()
                if event.plausible or self._verbose:
                    return [Text(line_of(event) or "", style="green" if event.plausible else "dim")]
        return []

    def frame(self) -> RenderableType:
        """The rows of the display as they are drawn now.

        Every row is one line, cut to the width of the terminal.
        """
        with self._lock:
            rows = [self._stage_row(), *self._time_row(), *self._tests_row(), *self._place_rows()]
            rows += self._search_rows()
            if self._beside:
                rows.append(_row("beside").append(printable(self._beside), style="dim"))
        return _Rows(rows)

    def _stage_row(self) -> Text:
        row = _row(self._stage or BETWEEN_STAGES, "bold cyan")
        row.append(duration(self._clock() - self._stage_started))
        if self._detail:
            row.append(f"  {printable(self._detail)}", style="dim")
        return row

    def _time_row(self) -> list[Text]:
        """The budget that is used, which is no guess at the end, and how to end it now."""
        if not math.isfinite(self._max_seconds):
            return []
        seconds = min(self._max_seconds, self._clock() - self._started)
        filled = int(BAR_CHARACTERS * seconds / self._max_seconds) if self._max_seconds > 0 else 0
        row = _row("time").append("━" * filled, style="cyan")
        row.append("─" * (BAR_CHARACTERS - filled), style="dim")
        row.append(f" at most {duration(self._max_seconds - seconds)} left", style="dim")
        row.append("; Ctrl-C ends it and keeps the best", style="dim")
        return [row]

    def _tests_row(self) -> list[Text]:
        if self._baseline is None:
            return []
        row = _row("tests")
        row.append(f"{len(self._baseline.failing):,} red", style="red")
        row.append(f"  {len(self._baseline.passing):,} green", style="green")
        if self._baseline.flaky:
            row.append(f"  {len(self._baseline.flaky):,} flaky", style="yellow")
        return [row]

    def _place_rows(self) -> list[Text]:
        rows = []
        for number, line in enumerate(self._places):
            row = _row("suspects" if number == 0 else "")
            row.append(f"{line.score:.2f} ", style="magenta")
            row.append(shortened(place(line), 60))
            if line.reasons:
                row.append(f"  {printable(', '.join(line.reasons))}", style="dim")
            rows.append(row)
        return rows

    def _search_rows(self) -> list[Text]:
        if self._search is None:
            return []
        row = _row("tried")
        row.append(f"{self._search.tried:,}")
        row.append(f"  {self._search.per_second:,.0f}/s", style="dim")
        if self._plausible:
            row.append(f"  {self._plausible} passed the verdict", style="green")
        rows = [row]
        if self._search.best:
            rows.append(_row("best").append(printable(self._search.best)))
        if self._plausible and self._stage in ALTERNATING_STAGES:
            rows.append(_row("goes on").append(WHY_IT_GOES_ON, style="dim"))
        return rows


class _Rows:
    """Rows that never wrap: a wrapped row would make the display jump."""

    def __init__(self, rows: list[Text]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> list[Group]:
        width = max(1, options.max_width - 1)
        for row in self._rows:
            row.no_wrap = True
            row.truncate(width, overflow="ellipsis")
        return [Group(*self._rows)]


def _row(label: str, style: str = "dim") -> Text:
    return Text().append(label.ljust(LABEL_CHARACTERS) + " ", style=style)


def _stage_line(event: StageEnded) -> Text:
    line = Text()
    line.append(event.stage.ljust(LABEL_CHARACTERS) + " ", style="bold")
    line.append(duration(event.seconds).rjust(10), style="dim")
    if event.summary:
        line.append(f"  {printable(event.summary)}")
    return line
