"""What a job's events add up to: the state of the repair, for the page and for `repair status`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agent.event_storage import from_wire
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
from agent.serialization import plain
from agent.wording import line_of
from workers.jobs.view import EventView
from workers.records import JobEvent

STAGES = ("prepare", "baseline", "localize", "propose", "validate", "select")
MAX_KEPT_PLACES = 8
MAX_KEPT_WARNINGS = 5
RESTART_KINDS = frozenset({"queued", "requeued"})


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """The progress of a job as of its last event; frozen, so that a page can tell whether anything
    changed."""

    seq: int = 0
    """The last event in it."""
    stage: str = ""
    """Empty between stages, and before and after the repair."""
    stage_since: datetime | None = None
    detail: str = ""
    seconds: tuple[tuple[str, float], ...] = ()
    """Stage → seconds, as far as they are over; stages that take turns are added up."""
    baseline: Baseline | None = None
    places: tuple[SuspiciousLine, ...] = ()
    tried: int = 0
    per_second: float = 0.0
    best: str = ""
    """The most promising candidate so far."""
    passed: tuple[str, ...] = ()
    """Candidates that passed the verdict."""
    warnings: tuple[str, ...] = ()

    def with_events(self, events: Iterable[JobEvent | EventView]) -> JobProgress:
        progress = self
        for event in events:
            decoded_event = from_wire(event.kind, event.data)
            progress = replace(progress, seq=event.seq)
            if decoded_event is not None:
                progress = _after(progress, decoded_event, event.at)
            elif event.kind in RESTART_KINDS:
                progress = replace(progress, stage="", stage_since=None, detail="")
        return progress

    @property
    def finished(self) -> dict[str, float]:
        return dict(self.seconds)


def _after(progress: JobProgress, event: Event, at: datetime) -> JobProgress:
    match event:
        case StageStarted(stage=stage):
            return replace(progress, stage=stage, stage_since=at, detail="")
        case StageEnded(stage=stage, seconds=seconds):
            total = progress.finished
            total[stage] = total.get(stage, 0.0) + seconds
            return replace(progress, stage="", detail="", seconds=tuple(total.items()))
        case Progress(background=True) if progress.stage == "validate":
            return progress  # what is being judged stands there
        case Progress(text=text):
            return replace(progress, detail=text)
        case Warned(text=text):
            return replace(progress, warnings=(*progress.warnings, text)[-MAX_KEPT_WARNINGS:])
        case BaselineTaken(baseline=baseline):
            return replace(progress, baseline=baseline)
        case Localized(lines=lines):
            return replace(progress, places=lines[:MAX_KEPT_PLACES])
        case SearchProgress(tried=tried, per_second=per_second, best=best):
            return replace(progress, tried=tried, per_second=per_second, best=best)
        case CandidateValidated(plausible=True, description=description):
            return replace(progress, passed=(*progress.passed, description))
        case CandidateValidated():
            return replace(progress, detail=(line_of(event) or "").strip())


def progress_json(progress: JobProgress) -> dict[str, Any]:
    """The progress of a job as JSON types; test ids are counted, not listed."""
    record: dict[str, Any] = plain(progress)
    baseline = progress.baseline
    record["baseline"] = baseline and {
        "failing": len(baseline.failing),
        "passing": len(baseline.passing),
        "flaky": len(baseline.flaky),
    }
    return record
