"""Progress messages with the latest text of an answer that is being generated."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.events import Listener, Progress
from agent.model.base import TokenEvent

DISPLAY_INTERVAL_SECONDS = 1.0
MAX_DISPLAY_CHARACTERS = 60


class LiveText:
    """Listens to one answer and says now and then how long it is and how it goes on.

    A piece is a token or a little more: backends hand out whole characters. Of several answers
    at once the first is shown.
    """

    def __init__(
        self, title: str, listen: Listener, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`title` begins each line, e.g. `model: turn 3`."""
        self._title = title
        self._listen = listen
        self._clock = clock
        self._said = clock()
        self._attempt = 0
        self._pieces = 0
        self._end = ""

    def __call__(self, event: TokenEvent) -> None:
        if event.index:
            return
        if event.attempt != self._attempt:
            self._attempt, self._pieces, self._end = event.attempt, 0, ""
        self._pieces += 1
        self._end = (self._end + event.text)[-MAX_DISPLAY_CHARACTERS:]
        moment = self._clock()
        if moment - self._said < DISPLAY_INTERVAL_SECONDS:
            return
        self._said = moment
        activity = "thinking" if event.reasoning else "writing"
        words = " ".join(self._end.split())
        self._listen(
            Progress(text=f"{self._title}, {activity}, about {self._pieces} tokens: …{words}")
        )
