"""The job API: submit, list, look, result, patch, cancel, retry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from agent.patches.changes import diff_bytes
from agent.runs.folder import new_run_id
from workers.errors import NoResult
from workers.jobs.submission_form import SubmissionForm
from workers.jobs.view import Accepted, JobList, JobView, view_of
from workers.records import JobRequest, JobState, StoredResult, Submission
from workers.repository_name import repository_name
from workers.web.api.policy import admit
from workers.web.api.problems import DESCRIBED
from workers.web.auth.access import Caller, Canceller, Reader, Submitter
from workers.web.service import Service, Serving

JobId = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key again answers with the job that is there already.",
    ),
]
router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=DESCRIBED)


@router.post("", status_code=201, responses={200: {"model": Accepted}})
def submit(
    form: SubmissionForm, caller: Submitter, service: Serving, response: Response, key: Key = None
) -> Accepted:
    """Queue a repair. 201: accepted, and safe from here on; 200: the key was known."""
    submission = accept(form, caller, service, key)
    response.status_code = 201 if submission.created else 200
    response.headers["Location"] = f"/api/v1/jobs/{submission.job.id}"
    # Counting its place would cost more than accepting it; who wants to know asks for the job.
    return Accepted(job=view_of(submission.job, None, None), created=submission.created)


def accept(form: SubmissionForm, caller: Caller, service: Service, key: str | None) -> Submission:
    """Put what a caller asks for into the queue.

    Raises what `admit` and `Store.submit` do.
    """
    repair = admit(form, caller, service.settings, new_run_id())
    request = JobRequest(
        repair=repair,
        repository=repository_name(repair.target),
        queue=form.queue,
        origin="api",
        owner=caller.owner,
        idempotency_key=key,
        deadline_seconds=form.deadline_seconds,
    )
    return service.store.submit(request)


@router.get("")
def jobs(
    caller: Reader,
    service: Serving,
    state: Annotated[list[JobState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")] = None,
) -> JobList:
    """The jobs this token may see, newest first."""
    views = service.overview.jobs(
        states=state,
        owner=None if caller.sees_all else caller.owner,
        limit=limit,
        before=before,
    )
    return JobList(jobs=views, next=views[-1].id if len(views) == limit else None)


@router.get("/{job_id}")
def job(job_id: JobId, caller: Reader, service: Serving) -> JobView:
    """A job, its place in the queue, and a guess at its end."""
    return service.overview.of(service.job(job_id, caller))


@router.get(
    "/{job_id}/result",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def result(job_id: JobId, caller: Reader, service: Serving) -> Response:
    """The `result.json` of a job that ended: how, and the evidence. `repair verify` reads it."""
    record = _result(job_id, caller, service)
    return Response(record.result_json, media_type="application/json")


@router.get(
    "/{job_id}/patch",
    response_class=Response,
    responses={200: {"content": {"text/x-diff": {}}}},
)
def patch(job_id: JobId, caller: Reader, service: Serving) -> Response:
    """The patch alone, as `git apply` takes it."""
    record = _result(job_id, caller, service)
    if record.patch is None:
        raise NoResult(f"job {job_id} found no patch")
    return Response(diff_bytes(record.patch), media_type="text/x-diff; charset=utf-8")


@router.post("/{job_id}/cancel")
def cancel(job_id: JobId, caller: Canceller, service: Serving) -> JobView:
    """Ask a job to stop. A running one keeps its best patch and ends within seconds."""
    service.job(job_id, caller)
    return service.overview.of(service.store.cancel(job_id, by=caller.name))


@router.post("/{job_id}/retry")
def retry(job_id: JobId, caller: Submitter, service: Serving) -> JobView:
    """Queue a job again that has ended; where it has a result, as another job beside it."""
    service.job(job_id, caller)
    return service.overview.of(service.store.retry(job_id))


def _result(job_id: str, caller: Caller, service: Service) -> StoredResult:
    service.job(job_id, caller)
    record = service.store.result(job_id)
    if record is None:
        raise NoResult(f"job {job_id} has no result yet")
    return record
