"""Jobs that asked for the same repair, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.records import Budget, PlausiblePatch, RepairJob, RepairResult
from agent.serialization import restore
from workers.jobs.view import JobView, view_of
from workers.records import Job, JobFilter
from workers.store.store import Store
from workers.web.pages.diff import diff_lines
from workers.web.pages.job_list import run_seconds

MAX_ATTEMPTS = 4
MAX_EARLIER_JOBS = 100
"""Of the repository: further back nobody looks."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One of the jobs, with what it came to."""

    job: JobView
    here: bool
    """The job whose page it is."""
    seconds: float | None
    patch: PlausiblePatch | None
    diff: Sequence[tuple[str, str]]


def attempts(store: Store, job: Job) -> list[Attempt]:
    """The newest of them and this one, in the order they were submitted; empty where it is the
    only one."""
    job_filter = JobFilter(repository=job.request.repository, owner=job.request.owner)
    wanted = _question(job.request.repair)
    same = [
        other
        for other in store.jobs_of(job_filter, MAX_EARLIER_JOBS)
        if other.id == job.id or _question(other.request.repair) == wanted
    ]
    if len(same) < 2:
        return []
    others = [other for other in same if other.id != job.id][: MAX_ATTEMPTS - 1]
    chosen = sorted([job, *others], key=lambda one: (one.created_at, one.id))
    return [_attempt(store, one, here=one.id == job.id) for one in chosen]


def _question(repair: RepairJob) -> RepairJob:
    """What a job asks for, whoever asks and however much it may cost."""
    return replace(repair, run_id="", budget=Budget())


def _attempt(store: Store, job: Job, *, here: bool) -> Attempt:
    record = store.result(job.id)
    patch = None
    if record is not None:
        patch = restore(RepairResult, json.loads(record.result_json)["result"]).patch
    view = view_of(job, None, None)
    return Attempt(
        job=view,
        here=here,
        seconds=run_seconds(view),
        patch=patch,
        diff=diff_lines(patch.diff) if patch else [],
    )
