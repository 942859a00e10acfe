"""Events of a job as lines below their stages."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.event_storage import to_wire
from agent.events import Event, Progress, SearchProgress, StageEnded, StageStarted
from workers.records import JobEvent
from workers.web.pages.stage_log import MAX_LINES, StageLog

AT = datetime(2026, 11, 30, tzinfo=UTC)


def events(*said: Event | str) -> list[JobEvent]:
    wires = [(one, {"reason": "lost"}) if isinstance(one, str) else to_wire(one) for one in said]
    return [
        JobEvent(job_id="j", seq=number, at=AT, kind=kind, data=data)
        for number, (kind, data) in enumerate(wires, 1)
    ]


def test_lines_stand_below_their_stage() -> None:
    said = events(
        StageStarted(stage="propose"),
        Progress(text="collecting"),
        Progress(text="collecting"),
        SearchProgress(tried=1, per_second=1.0, best=""),
        StageStarted(stage="validate"),
        Progress(text="judging"),
        StageEnded(stage="propose", seconds=2.0, summary="9 tried"),
        "requeued",
        Progress(text="nowhere"),
    )
    lines = {
        stage: [line.text for line in one] for stage, one in StageLog().with_events(said).lines
    }
    assert lines == {
        "propose": ["collecting", "propose done in 2.0 s: 9 tried"],
        "validate": ["judging"],
        "queue": ["requeued lost", "nowhere"],
    }


def test_of_many_lines_the_newest_are_kept() -> None:
    log = StageLog().with_events(events(*(Progress(text=str(n)) for n in range(MAX_LINES + 5))))
    ((stage, lines),) = log.lines
    assert (stage, len(lines), lines[-1].text) == ("queue", MAX_LINES, str(MAX_LINES + 4))
