"""`/workers`: who works, what waits, and how it went lately."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent.records import Status
from workers.records import JobState
from workers.store.scheduling.presence import Presence
from workers.web.auth import login
from workers.web.auth.access import Caller
from workers.web.pages.plots.periods import LENGTH, PATCHED, plots
from workers.web.pages.templates import render
from workers.web.service import Service, Serving

router = APIRouter(include_in_schema=False)


@router.get("/workers")
def workers(request: Request, service: Serving) -> Response:
    """Workers are the operator's to see; plots are of the caller's own jobs, or of all."""
    caller = service.gate.visitor(request)
    if caller is None:
        return login.first(request)
    return render("workers.html", caller=caller, **_values(service, caller))


def _values(service: Service, caller: Caller) -> dict[str, Any]:
    owner = None if caller.sees_all else caller.owner
    recent = service.store.recent(owner, LENGTH)
    numbers = service.store.counts_by_ending(owner)
    ended = [job for job in recent.jobs if job.outcome not in (None, Status.CANCELLED)]
    return {
        "workers": Presence(service.store.engine).here(),
        "waiting": sum(
            number for (state, _), number in numbers.items() if state is JobState.QUEUED
        ),
        "running": numbers.get((JobState.RUNNING, None), 0),
        "ended": len(ended),
        "patched": sum(job.outcome in PATCHED for job in ended),
        "closed": sum(job.merged is not None for job in ended),
        "merged": sum(bool(job.merged) for job in ended),
        "days": LENGTH.days,
        "now": recent.until,
        "plots": plots(recent),
    }
