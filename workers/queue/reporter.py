"""The events of a run on their way to the store: gathered, thinned, and written in batches."""

from __future__ import annotations

import threading
import time

from agent.events import Event, Progress, SearchProgress
from agent.wire import to_wire
from workers.job import NewEvent

SEARCH_SECONDS = 2.0
"""Between two reports on the search."""
MOST_WAITING = 2_000
"""Events kept while the database is away; then only the weightier ones."""


class Reporter:
    """Called by the run as its listener, emptied by the pulse."""

    def __init__(self) -> None:
        self.candidates_tried = 0
        self._waiting: list[NewEvent] = []
        self._guard = threading.Lock()
        self._searched = -SEARCH_SECONDS

    def __call__(self, event: Event) -> None:
        if isinstance(event, SearchProgress):
            self.candidates_tried = event.tried
            if time.monotonic() - self._searched < SEARCH_SECONDS:
                return
            self._searched = time.monotonic()
        kind, data = to_wire(event)
        with self._guard:
            if len(self._waiting) < MOST_WAITING or not isinstance(
                event, Progress | SearchProgress
            ):
                self._waiting.append(NewEvent(kind=kind, data=data))

    def take(self) -> list[NewEvent]:
        with self._guard:
            taken, self._waiting = self._waiting, []
        return taken

    def give_back(self, events: list[NewEvent]) -> None:
        """They could not be written: they are first again."""
        with self._guard:
            self._waiting = [*events, *self._waiting]
