"""What the events of a job add up to."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.event_storage import to_wire
from agent.events import Event, StageEnded, StageStarted
from tests.support.web_case import EVENTS
from workers.jobs.progress import JobProgress, progress_json
from workers.records import JobEvent

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def numbered(*events: Event, start: int = 1) -> list[JobEvent]:
    wired = [to_wire(event) for event in events]
    return [
        JobEvent(job_id="j", seq=seq, at=NOW, kind=kind, data=data)
        for seq, (kind, data) in enumerate(wired, start=start)
    ]


def test_it_is_the_same_in_one_go_or_in_pieces() -> None:
    events = numbered(*EVENTS)
    whole = JobProgress().with_events(events)
    assert JobProgress().with_events(events[:3]).with_events(events[3:]) == whole
    assert whole.stage == "propose"
    assert whole.stage_since == NOW
    assert whole.finished == {"prepare": 1.5}
    assert (whole.tried, whole.per_second, whole.seq) == (30, 15.0, len(events))


def test_stages_that_take_turns_are_added_up() -> None:
    turns = [StageEnded(stage=stage, seconds=2.0, summary="") for stage in ("propose", "validate")]
    progress = JobProgress().with_events(numbered(*turns, *turns))
    assert progress.finished == {"propose": 4.0, "validate": 4.0}


def test_a_job_that_goes_back_to_the_queue_is_in_no_stage() -> None:
    progress = JobProgress().with_events(numbered(StageStarted(stage="propose")))
    back = JobEvent(job_id="j", seq=2, at=NOW, kind="requeued", data={"reason": "gone"})
    again = progress.with_events([back])
    assert (again.stage, again.seq) == ("", 2)


def test_as_json_tests_are_counted() -> None:
    found = progress_json(JobProgress().with_events(numbered(*EVENTS)))
    assert found["baseline"] == {"failing": 1, "passing": 2, "flaky": 0}
    assert progress_json(JobProgress())["baseline"] is None
