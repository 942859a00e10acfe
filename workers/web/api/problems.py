"""Every error of the API becomes a problem document; none of them repeats what was sent."""

from __future__ import annotations

import http
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from workers.errors import WorkersError
from workers.jobs.problems import MEDIA_TYPE, PROBLEM_KINDS, TYPE_PREFIX, kind_of

RETRY_AFTER_SECONDS = 5
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "Which problem it is, for programs."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
    },
}
DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {"description": title, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
    for status, title in sorted(
        {kind.status: kind.title for kind in PROBLEM_KINDS}.items()
        | {400: "The body cannot be read", 413: "The body is too large"}.items()
    )
}
"""For the description of the API: what each of its operations may answer instead."""
MAX_REPORTED_FIELDS = 20
log = structlog.get_logger("web")


def install_problems(app: FastAPI) -> None:
    """Register the handlers that answer errors as problem documents (RFC 9457)."""
    app.add_exception_handler(WorkersError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_a_fault)


def problem(
    status: int, type_: str, title: str, detail: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    """A response that is one problem document. `detail` is a sentence for people."""
    body: dict[str, Any] = {"type": type_, "title": title, "status": status}
    if detail:
        body["detail"] = detail.encode("utf-8", "replace").decode("utf-8")
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def _of_ours(request: Request, error: Exception) -> JSONResponse:
    kind = kind_of(error) if isinstance(error, WorkersError) else None
    if kind is None:
        return _of_a_fault(request, error)
    headers = {"WWW-Authenticate": 'Bearer realm="repair"'} if kind.status == 401 else {}
    if getattr(error, "retryable", False):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return problem(kind.status, kind.type, kind.title, str(error), headers)


def _of_validation(_request: Request, error: Exception) -> JSONResponse:
    """Which fields, and what is wrong; not their values, which may be secrets or megabytes."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    sentences = [
        f"{'.'.join(str(part) for part in field_error['loc'])[:200]}: {field_error['msg']}"
        for field_error in errors[:MAX_REPORTED_FIELDS]
    ]
    title = "The request does not have the form that the API asks for"
    return problem(422, TYPE_PREFIX + "invalid", title, "; ".join(sentences))


def _of_http(_request: Request, error: Exception) -> JSONResponse:
    status = getattr(error, "status_code", 500)
    headers = getattr(error, "headers", None)
    title = http.HTTPStatus(status).phrase
    return problem(status, "about:blank", title, str(getattr(error, "detail", "")), headers)


def _of_a_fault(request: Request, error: Exception) -> JSONResponse:
    """The boundary: what happened is for the log, not for whoever asked."""
    log.error("request failed", path=request.url.path, exc_info=error)
    title = "This is a fault in the service"
    return problem(500, TYPE_PREFIX + "fault", title, "The log of the service says more.")
