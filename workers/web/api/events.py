"""`GET /api/v1/jobs/{id}/events`: what happens to a job, as server-sent events.

Each event has the number of its row as `id`, so a client that comes back with `Last-Event-ID`
(browsers do by themselves) goes on where it was cut off.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from workers.jobs.view import EventView
from workers.web.api.following import steps
from workers.web.api.jobs import JobId
from workers.web.api.problems import DESCRIBED
from workers.web.auth.access import Reader
from workers.web.service import Service, Serving, open_stream

MAX_EVENT_NUMBER = 2**31 - 1
END_EVENT = "end"
"""The last event of a stream whose job has ended; without it the connection was lost."""
router = APIRouter(prefix="/api/v1/jobs", tags=["events"], responses=DESCRIBED)


def visible(job_id: JobId, caller: Reader, service: Serving) -> Service:
    """A dependency, so that a job one may not see is a 404 and not a stream that breaks off."""
    service.job(job_id, caller)
    return service


def resumed(
    after: Annotated[int, Query(ge=0, le=MAX_EVENT_NUMBER)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> int:
    """The header wins over the query: a browser repeats the URL it began with."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return min(int(last_event_id), MAX_EVENT_NUMBER)
    return after


@router.get(
    "/{job_id}/events", response_class=EventSourceResponse, dependencies=[Depends(open_stream)]
)
async def events(
    job_id: JobId,
    service: Annotated[Service, Depends(visible)],
    after: Annotated[int, Depends(resumed)],
    wait: bool = True,
) -> AsyncIterator[ServerSentEvent]:
    """The events after a number; with `wait` the stream ends when the job does."""
    async for step in steps(service.store, job_id, after, wait=wait):
        for event in step.events:
            view = EventView(seq=event.seq, at=event.at, kind=event.kind, data=dict(event.data))
            yield ServerSentEvent(raw_data=view.to_json(), event="job", id=str(event.seq))
    yield ServerSentEvent(raw_data="{}", event=END_EVENT)
