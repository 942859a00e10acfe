"""The pages for people: all jobs at `/`, one job at `/jobs/{id}`, each kept current by a stream.

The server renders; the stream carries the parts that changed as HTML, and a few lines of script
put them in. So there is one place that escapes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from workers.errors import JobNotFound
from workers.web.api.events import END_EVENT, visible
from workers.web.api.following import steps
from workers.web.api.jobs import JobId
from workers.web.auth import login
from workers.web.auth.access import Reader
from workers.web.pages import parts
from workers.web.pages.attempts import attempts
from workers.web.pages.job_list import Selected, list_parts, list_values
from workers.web.pages.origin import origins
from workers.web.pages.templates import render
from workers.web.service import Service, Serving, open_stream

LIST_INTERVAL_SECONDS = 2.0
STREAM_SECONDS = 600.0
"""A browser comes back by itself then, and is asked again who it is."""
router = APIRouter(include_in_schema=False)


@router.get("/")
def index(request: Request, service: Serving, chosen: Selected) -> Response:
    """The newest jobs, or those that the address asks for."""
    caller = service.gate.visitor(request)
    if caller is None:
        return login.first(request)
    return render("jobs.html", **list_values(service, caller, chosen))


@router.get("/jobs/{job_id}")
def page(job_id: JobId, request: Request, service: Serving) -> Response:
    """One job, as it is now."""
    caller = service.gate.visitor(request)
    if caller is None:
        return login.first(request)
    try:
        job = service.job(job_id, caller)
    except JobNotFound:
        return render("missing.html", status=404, job_id=job_id)
    told = parts.Told().with_events(service.store.events(job_id, limit=parts.MAX_EVENTS))
    view = service.overview.of(job)
    values = parts.job_values(service, view, told, caller)
    others = attempts(service.store, job)
    origin = origins(service.store, service.forges, [view]).get(job_id)
    return render("job.html", **values, caller=caller, attempts=others, origin=origin)


@router.get(
    "/jobs/{job_id}/live",
    response_class=EventSourceResponse,
    dependencies=[Depends(open_stream)],
)
async def live(
    job_id: JobId, request: Request, service: Annotated[Service, Depends(visible)]
) -> AsyncIterator[ServerSentEvent]:
    """The parts of a job's page, whenever they change."""
    caller = await run_in_threadpool(service.gate.visitor, request)
    end_seconds = anyio.current_time() + STREAM_SECONDS
    told, parts_before = parts.Told(), dict[str, str]()
    async for step in steps(service.store, job_id):
        told = told.with_events(step.events)
        if step.more:
            continue
        view = await run_in_threadpool(service.overview.of, step.job)
        parts_now = await run_in_threadpool(parts.job_parts, service, view, told, caller)
        changes = {name: html for name, html in parts_now.items() if parts_before.get(name) != html}
        parts_before = parts_now
        if changes:
            yield _message(changes)
        if anyio.current_time() > end_seconds:
            return
    yield ServerSentEvent(raw_data="{}", event=END_EVENT)


@router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(open_stream)])
async def live_list(
    caller: Reader, service: Serving, chosen: Selected
) -> AsyncIterator[ServerSentEvent]:
    """The parts of the list, whenever they change."""
    parts_before = dict[str, str]()
    end_seconds = anyio.current_time() + STREAM_SECONDS
    while anyio.current_time() < end_seconds:
        parts_now = await run_in_threadpool(list_parts, service, caller, chosen)
        changes = {name: html for name, html in parts_now.items() if parts_before.get(name) != html}
        parts_before = parts_now
        if changes:
            yield _message(changes)
        await anyio.sleep(LIST_INTERVAL_SECONDS)


def _message(changes: dict[str, str]) -> ServerSentEvent:
    return ServerSentEvent(raw_data=json.dumps(changes), event="parts")
