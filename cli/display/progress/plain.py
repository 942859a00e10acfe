"""Progress as plain lines, for pipes, CI logs and dumb terminals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

from agent.events import (
    CandidateValidated,
    Event,
    Progress,
    SearchProgress,
    StageEnded,
    StageStarted,
)
from agent.wording import line_of
from cli.display.progress.stages import StageCounts

PROGRESS_INTERVAL_SECONDS = 5.0


class PlainDisplay:
    """Writes each stage once, and progress inside a stage every few seconds."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._clock = clock
        self._started = clock()
        self._last_progress = self._started
        self._unsaid: SearchProgress | None = None
        self._stages = StageCounts()
        self._lock = threading.Lock()

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._write_ends(self._stages.due())

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case StageStarted():
                    is_told, ends = self._stages.started(event)
                    self._write_ends(ends)
                    if is_told:
                        self._write(event)
                case StageEnded():
                    self._write_ends(self._stages.ended(event))
                case Progress() | SearchProgress():
                    self._progress(event)
                case CandidateValidated(plausible=False) if not self._verbose:
                    self._progress(event)
                case _:
                    self._write(event)

    def note(self, text: str) -> None:
        """A sentence of the command itself, e.g. that it is stopping."""
        self._line(text)

    def _progress(self, event: Progress | SearchProgress | CandidateValidated) -> None:
        """Write it when the last line of progress is old enough; keep the last figures."""
        clock_seconds = self._clock()
        if clock_seconds - self._last_progress < PROGRESS_INTERVAL_SECONDS:
            if isinstance(event, SearchProgress):
                self._unsaid = event
                return
            if not self._verbose:
                return
        self._last_progress = clock_seconds
        self._unsaid = None
        self._write(event)

    def _write_ends(self, ends: list[StageEnded]) -> None:
        if ends and self._unsaid is not None:
            self._write(self._unsaid)
            self._unsaid = None
        for end in ends:
            self._write(end)

    def _write(self, event: Event) -> None:
        line = line_of(event)
        if line is not None:
            self._line(line)

    def _line(self, text: str) -> None:
        seconds = self._clock() - self._started
        try:
            self._stream.write(f"[{seconds:6.1f}s] {text}\n")
        except UnicodeEncodeError:  # LANG=C and a test id that is not ASCII
            self._stream.write(f"[{seconds:6.1f}s] {ascii(text)[1:-1]}\n")
        self._stream.flush()
