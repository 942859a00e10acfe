"""What a command can do with jobs. Two implementations: the store itself, and HTTP."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from workers.jobs.submission_form import SubmissionForm
from workers.jobs.view import Accepted, EventView, JobView
from workers.records import JobState


class JobClient(Protocol):
    """Reads and changes the jobs of a service.

    All methods raise `workers.errors.WorkersError`, the same classes in both.
    """

    def submit(self, form: SubmissionForm, key: str | None = None) -> Accepted:
        """Queue a repair; `key` again returns the job that is there."""
        ...

    def jobs(self, *, states: Collection[JobState] = (), limit: int = 50) -> list[JobView]:
        """Jobs, newest first; no states means all."""
        ...

    def job(self, job_id: str) -> JobView: ...

    def events(self, job_id: str, after: int = 0, *, wait: bool) -> Iterator[EventView]:
        """The events after a number; with `wait` until the job has ended."""
        ...

    def result(self, job_id: str) -> str | None:
        """The text of its `result.json`; None before it ended."""
        ...

    def patch(self, job_id: str) -> bytes | None: ...

    def cancel(self, job_id: str) -> JobView: ...

    def retry(self, job_id: str) -> JobView: ...

    def close(self) -> None: ...
