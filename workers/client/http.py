"""Jobs behind a server's API."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from workers.client.sse import messages
from workers.errors import (
    BadRequest,
    BrokerUnavailable,
    NoResult,
    ServerUnavailable,
    StoreUnavailable,
    TooManyStreams,
    WorkersError,
)
from workers.jobs.problems import KINDS_BY_TYPE
from workers.jobs.submission_form import SubmissionForm
from workers.jobs.view import Accepted, EventView, JobList, JobView
from workers.records import JobState

JOBS_PATH = "/api/v1/jobs"
REQUEST_TIMEOUT_SECONDS = 30.0
MAX_SILENCE_SECONDS = 60.0
"""The server says something on a stream every 15 s."""
RECONNECT_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Between tries to get a lost stream back; a restart of the server fits in."""
_PASSING_ERRORS = (ServerUnavailable, StoreUnavailable, BrokerUnavailable)
"""Those of a server that comes back by itself."""


class HttpClient:
    """A client of a service over HTTP. Implements `JobClient`."""

    def __init__(self, server: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=server.rstrip("/"),
            headers=headers,
            timeout=REQUEST_TIMEOUT_SECONDS,
            trust_env=True,
        )

    def submit(self, form: SubmissionForm, key: str | None = None) -> Accepted:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = form.model_dump(mode="json", exclude_defaults=True)
        return Accepted.model_validate_json(
            self._ask("POST", JOBS_PATH, json=body, headers=headers)
        )

    def jobs(self, *, states: Collection[JobState] = (), limit: int = 50) -> list[JobView]:
        query: dict[str, Any] = {"state": [state.value for state in states], "limit": limit}
        return JobList.model_validate_json(self._ask("GET", JOBS_PATH, params=query)).jobs

    def job(self, job_id: str) -> JobView:
        return JobView.model_validate_json(self._ask("GET", _of(job_id)))

    def events(self, job_id: str, after: int = 0, *, wait: bool) -> Iterator[EventView]:
        lost_streams = 0
        # A server that has not noticed yet that a stream is lost counts it among this owner's.
        retried_errors: tuple[type[WorkersError], ...] = _PASSING_ERRORS
        while True:
            try:
                for message in self._stream(job_id, after, wait):
                    retried_errors = (*_PASSING_ERRORS, TooManyStreams)
                    if message.event == "end":
                        return
                    event = EventView.from_json(message.data)
                    after, lost_streams = event.seq, 0
                    yield event
            except retried_errors:
                if lost_streams >= len(RECONNECT_PAUSES_SECONDS):
                    raise
            if lost_streams >= len(RECONNECT_PAUSES_SECONDS):
                raise ServerUnavailable("the server keeps breaking off the stream of events")
            time.sleep(RECONNECT_PAUSES_SECONDS[lost_streams])
            lost_streams += 1

    def _stream(self, job_id: str, after: int, wait: bool) -> Iterator[Any]:
        headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
        with (
            _told(self._http),
            self._http.stream(
                "GET",
                f"{_of(job_id)}/events",
                params={"wait": wait},
                headers=headers,
                timeout=httpx.Timeout(REQUEST_TIMEOUT_SECONDS, read=MAX_SILENCE_SECONDS),
            ) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _error(answer)
            yield from messages(answer.iter_lines())

    def result(self, job_id: str) -> str | None:
        body = self._part(job_id, "result")
        return None if body is None else body.decode("utf-8")

    def patch(self, job_id: str) -> bytes | None:
        return self._part(job_id, "patch")

    def cancel(self, job_id: str) -> JobView:
        return JobView.model_validate_json(self._ask("POST", f"{_of(job_id)}/cancel"))

    def retry(self, job_id: str) -> JobView:
        return JobView.model_validate_json(self._ask("POST", f"{_of(job_id)}/retry"))

    def close(self) -> None:
        self._http.close()

    def _part(self, job_id: str, name: str) -> bytes | None:
        try:
            return self._ask("GET", f"{_of(job_id)}/{name}")
        except NoResult:
            return None

    def _ask(self, method: str, path: str, **options: Any) -> bytes:
        with _told(self._http):
            answer = self._http.request(method, path, **options)
        if answer.is_error:
            raise _error(answer)
        if answer.is_redirect:
            raise ServerUnavailable("the server redirects; give the URL it redirects to")
        return answer.content


def _of(job_id: str) -> str:
    """Path of a job. What is no id stays one segment, and is not found."""
    segment = "".join(char if char.isalnum() or char == "-" else "_" for char in job_id)
    return f"{JOBS_PATH}/{segment}"


@contextmanager
def _told(http: httpx.Client) -> Iterator[None]:
    """Failures of the network, in our words."""
    try:
        yield
    except httpx.HTTPError as error:
        description = str(error) or type(error).__name__
        raise ServerUnavailable(f"{http.base_url} does not answer: {description}") from error


def _error(answer: httpx.Response) -> WorkersError:
    """The error the server had, of the same class it had there."""
    try:
        document = answer.json()
        type_, title = str(document["type"]), str(document["title"])
        detail = str(document.get("detail", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ServerUnavailable(f"the server answers {answer.status_code}; is it Repair's?")
    kind = KINDS_BY_TYPE.get(type_)
    description = detail or title
    if kind is not None:
        return kind.error(description)
    if answer.is_client_error:
        return BadRequest(description)
    return ServerUnavailable(f"the server answers {answer.status_code}: {description}")
