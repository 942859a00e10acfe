"""The events of a run on their way to the store: gathered, thinned, and written in batches."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from agent.event_storage import to_wire
from agent.events import Event, Progress, SearchProgress, StageEnded, StageStarted, Warned
from workers.records import NewEvent

SEARCH_EVENT_INTERVAL_SECONDS = 2.0
"""Between two reports on the search."""
MAX_WAITING_EVENTS = 2_000
"""Events kept while the database is away; then only the weightier ones."""
MAX_EVENTS = 20_000
MAX_EVENT_CHARACTERS = 32 * 1024**2
"""Of one run, which says what its repository says; then only its stages are told."""
CUT_WARNING = "there is too much to tell: from here on only the stages are"


class Reporter:
    """Called by the run as its listener, emptied by the heartbeat."""

    def __init__(self) -> None:
        self.candidates_tried = 0
        self._waiting: list[NewEvent] = []
        self._guard = threading.Lock()
        self._events = self._characters = 0
        self._searched = -SEARCH_EVENT_INTERVAL_SECONDS

    def __call__(self, event: Event) -> None:
        if isinstance(event, SearchProgress):
            self.candidates_tried = event.tried
            if time.monotonic() - self._searched < SEARCH_EVENT_INTERVAL_SECONDS:
                return
            self._searched = time.monotonic()
        kind, data = to_wire(event)
        with self._guard:
            if self._cut(event, data):
                return
            if len(self._waiting) < MAX_WAITING_EVENTS or not isinstance(
                event, Progress | SearchProgress
            ):
                self._waiting.append(NewEvent(kind=kind, data=data))

    def _cut(self, event: Event, data: Mapping[str, Any]) -> bool:
        """Whether enough was told of this run; at the border that is told."""
        if isinstance(event, StageStarted | StageEnded):
            return False
        was_full = self._events >= MAX_EVENTS or self._characters >= MAX_EVENT_CHARACTERS
        self._events += 1
        self._characters += len(json.dumps(data))
        is_full = self._events >= MAX_EVENTS or self._characters >= MAX_EVENT_CHARACTERS
        if is_full and not was_full:
            kind, record = to_wire(Warned(text=CUT_WARNING))
            self._waiting.append(NewEvent(kind=kind, data=record))
        return is_full

    def take(self) -> list[NewEvent]:
        with self._guard:
            events, self._waiting = self._waiting, []
        return events

    def give_back(self, events: list[NewEvent]) -> None:
        """Put events that could not be written back in front."""
        with self._guard:
            self._waiting = [*events, *self._waiting]
