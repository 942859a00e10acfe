"""What can be done on the pages: submit a job, cancel one, have one tried again.

The forms are plain; who may send them is a login whose token holds the scope. The API's own
rules say what may be submitted.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from workers.errors import BadRequest, JobNotFound, NotAllowed, NotLoggedIn, WorkersError
from workers.jobs.problems import kind_of
from workers.jobs.submission_form import SubmissionForm
from workers.jobs.view import JobView
from workers.web.api.jobs import JobId, accept
from workers.web.auth import login
from workers.web.auth.access import Caller
from workers.web.auth.scopes import Scope
from workers.web.pages.templates import render
from workers.web.service import Service, Serving

MAX_FORM_FIELDS = 20
MAX_KEY_CHARACTERS = 100
TEXT_FIELDS = ("target", "at", "problem_statement", "test", "install", "queue")
EMPTY_FORM = dict.fromkeys((*TEXT_FIELDS, "only", "max_seconds", "key"), "")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What somebody may do to a job on its page."""

    cancel: bool
    retry: bool


def may(caller: Caller | None, job: JobView) -> Allowed:
    scopes = caller.scopes if caller and caller.owner == job.owner else frozenset()
    return Allowed(
        cancel=job.live and not job.cancel_requested and Scope.CANCEL in scopes,
        retry=not job.live and Scope.SUBMIT in scopes,
    )


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, as far as ours has them. Raises BadRequest."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(text, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise BadRequest("the form has more fields than that") from None
    return {name: fields.get(name, [""])[0].replace("\r\n", "\n").strip() for name in EMPTY_FORM}


Fields = Annotated[dict[str, str], Depends(_fields)]


@router.get("/submit")
def form(request: Request, service: Serving) -> Response:
    """An empty form."""
    caller = service.gate.visitor(request)
    if caller is None:
        return login.first(request)
    return _form(caller, EMPTY_FORM | {"key": secrets.token_urlsafe(16)})


@router.post("/submit")
def submit(request: Request, service: Serving, fields: Fields) -> Response:
    """Queue a repair, and show its page; where it cannot be had, the form again and why."""
    try:
        caller = service.gate.sender(request)
    except NotLoggedIn:
        return RedirectResponse("/login?next=%2Fsubmit", 303)
    try:
        caller.check(Scope.SUBMIT)
        key = fields["key"][:MAX_KEY_CHARACTERS] or None
        submission = accept(_submission(fields), caller, service, key)
    except WorkersError as error:
        kind = kind_of(error)
        if kind is None or kind.status >= 500:
            raise
        return _form(caller, fields, wrong=str(error), status=kind.status)
    return RedirectResponse(f"/jobs/{submission.job.id}", 303)


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: JobId, request: Request, service: Serving) -> Response:
    """Ask a job to stop, and show its page."""
    return await run_in_threadpool(_act, request, service, job_id, Scope.CANCEL)


@router.post("/jobs/{job_id}/retry")
async def retry(job_id: JobId, request: Request, service: Serving) -> Response:
    """Have a job tried again, and show the page of the new attempt."""
    return await run_in_threadpool(_act, request, service, job_id, Scope.SUBMIT)


def _act(request: Request, service: Service, job_id: str, scope: Scope) -> Response:
    try:
        caller = service.gate.sender(request)
    except NotLoggedIn:
        return RedirectResponse(f"/login?next=%2Fjobs%2F{job_id}", 303)
    try:
        caller.check(scope)
        if service.job(job_id, caller).request.owner != caller.owner:
            raise NotAllowed("a login acts on its own jobs; for others send the token to the API")
        if scope is Scope.CANCEL:
            job = service.store.cancel(job_id, by=caller.name)
        else:
            job = service.store.retry(job_id)
    except JobNotFound:
        return render("missing.html", status=404, job_id=job_id, caller=caller)
    except WorkersError as error:
        kind = kind_of(error)
        if kind is None or kind.status >= 500:
            raise
        return render(
            "refused.html", status=kind.status, job_id=job_id, reason=str(error), caller=caller
        )
    return RedirectResponse(f"/jobs/{job.id}", 303)


def _form(caller: Caller, fields: dict[str, str], wrong: str = "", status: int = 200) -> Response:
    may_submit = Scope.SUBMIT in caller.scopes
    return render(
        "submit.html",
        status=status,
        caller=caller,
        fields=fields,
        wrong=wrong,
        may_submit=may_submit,
        default_seconds=SubmissionForm.model_fields["max_seconds"].default,
    )


def _submission(fields: dict[str, str]) -> SubmissionForm:
    """Raises BadRequest, with what is wrong in which field."""
    values: dict[str, Any] = {name: fields[name] for name in TEXT_FIELDS if fields[name]}
    values["only"] = [line.strip() for line in fields["only"].splitlines() if line.strip()]
    try:
        if fields["max_seconds"]:
            values["max_seconds"] = float(fields["max_seconds"])
    except ValueError:
        raise BadRequest("max_seconds: a number of seconds is needed") from None
    try:
        return SubmissionForm.model_validate(values)
    except ValidationError as error:
        first_error = error.errors()[0]
        name = ".".join(str(part) for part in first_error["loc"])
        raise BadRequest(f"{name}: {first_error['msg']}") from None
