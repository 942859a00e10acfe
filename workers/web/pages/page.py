"""The pages for people: all jobs at `/`, one job at `/jobs/{id}`, each kept current by a stream.

The server renders; the stream carries the parts that changed as HTML, and a few lines of script
put them in. So there is one place that escapes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from workers.errors import JobNotFound, NotLoggedIn
from workers.jobs.progress import JobProgress
from workers.web.api.events import END_EVENT, visible
from workers.web.api.following import steps
from workers.web.api.jobs import JobId
from workers.web.auth import login
from workers.web.auth.access import Caller, Reader
from workers.web.pages import parts
from workers.web.pages.templates import render
from workers.web.service import Service, Serving, open_stream

LIST_INTERVAL_SECONDS = 2.0
ROWS = 50
router = APIRouter(include_in_schema=False)
Before = Annotated[str | None, Query(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/")
def index(request: Request, service: Serving, before: Before = None) -> Response:
    """The newest jobs."""
    caller = _visitor(request, service)
    if caller is None:
        return login.first("/" if before is None else f"/?before={before}")
    return render("jobs.html", **parts.list_values(service, caller, before))


@router.get("/jobs/{job_id}")
def page(job_id: JobId, request: Request, service: Serving) -> Response:
    """One job, as it is now."""
    caller = _visitor(request, service)
    if caller is None:
        return login.first(f"/jobs/{job_id}")
    try:
        job = service.job(job_id, caller)
    except JobNotFound:
        return render("missing.html", status=404, job_id=job_id)
    progress = JobProgress().with_events(service.store.events(job_id, limit=parts.MAX_EVENTS))
    values = parts.job_values(service, service.overview.of(job), progress)
    return render("job.html", **values, caller=caller)


@router.get(
    "/jobs/{job_id}/live",
    response_class=EventSourceResponse,
    dependencies=[Depends(open_stream)],
)
async def live(
    job_id: JobId, service: Annotated[Service, Depends(visible)]
) -> AsyncIterator[ServerSentEvent]:
    """The parts of a job's page, whenever they change."""
    progress, parts_before = JobProgress(), dict[str, str]()
    async for step in steps(service.store, job_id):
        progress = progress.with_events(step.events)
        if step.more:
            continue
        view = await run_in_threadpool(service.overview.of, step.job)
        parts_now = await run_in_threadpool(parts.job_parts, service, view, progress)
        changes = {name: html for name, html in parts_now.items() if parts_before.get(name) != html}
        parts_before = parts_now
        if changes:
            yield _message(changes)
    yield ServerSentEvent(raw_data="{}", event=END_EVENT)


@router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(open_stream)])
async def live_list(
    caller: Reader, service: Serving, before: Before = None
) -> AsyncIterator[ServerSentEvent]:
    """The parts of the list, whenever they change."""
    parts_before = dict[str, str]()
    while True:
        parts_now = await run_in_threadpool(parts.list_parts, service, caller, before)
        changes = {name: html for name, html in parts_now.items() if parts_before.get(name) != html}
        parts_before = parts_now
        if changes:
            yield _message(changes)
        await anyio.sleep(LIST_INTERVAL_SECONDS)


def _message(changes: dict[str, str]) -> ServerSentEvent:
    return ServerSentEvent(raw_data=json.dumps(changes), event="parts")


def _visitor(request: Request, service: Service) -> Caller | None:
    try:
        return service.gate.caller(request, None)
    except NotLoggedIn:
        return None
