"""What happened in a job, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from agent.event_storage import from_wire
from agent.events import SearchProgress, StageEnded, StageStarted
from agent.wording import line_of
from workers.records import JobEvent

MAX_LINES = 80
"""Of a stage: the newest."""
QUEUE = "queue"
"""In a stage's place: what happened to the job outside of a run."""


@dataclass(frozen=True, kw_only=True)
class Line:
    at: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class StageLog:
    """Frozen, as what it was made from: a stage that comes again goes on with its lines."""

    stage: str = QUEUE
    lines: tuple[tuple[str, tuple[Line, ...]], ...] = ()
    """Stage → its lines, in the order in which the stages came first."""

    def with_events(self, events: Iterable[JobEvent]) -> StageLog:
        log = self
        for event in events:
            log = log._with(event)
        return log

    def _with(self, event: JobEvent) -> StageLog:
        decoded_event = from_wire(event.kind, event.data)
        match decoded_event:
            case None:
                words = f"{event.kind} {event.data.get('reason', '')}".strip()
                return replace(self, stage=QUEUE)._add(QUEUE, event.at, words)
            case SearchProgress():
                return self
            case StageStarted(stage=stage):
                return replace(self, stage=stage)
            case StageEnded(stage=stage):
                return self._add(stage, event.at, line_of(decoded_event) or "")
            case _:
                return self._add(self.stage, event.at, (line_of(decoded_event) or "").strip())

    def _add(self, stage: str, at: datetime, text: str) -> StageLog:
        lines = dict(self.lines)
        if stage in lines and lines[stage][-1].text == text:
            return self  # a long step says again that it goes on
        lines[stage] = (*lines.get(stage, ()), Line(at=at, text=text))[-MAX_LINES:]
        return replace(self, lines=tuple(lines.items()))
