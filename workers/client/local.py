"""Jobs in the store at hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agent.patches.changes import diff_bytes
from agent.runs.folder import new_run_id
from workers.jobs.follow import follow
from workers.jobs.overview import Overview
from workers.jobs.submission_form import SubmissionForm
from workers.jobs.view import Accepted, EventView, JobView, view_of
from workers.records import JobRequest, JobState
from workers.repository_name import repository_name
from workers.store.store import Store


class LocalClient:
    """A client that works on the service's database.

    Implements `JobClient`. Whoever can open the database may do everything with it.
    """

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._overview = Overview(store)

    def submit(self, form: SubmissionForm, key: str | None = None) -> Accepted:
        request = JobRequest(
            repair=form.job(new_run_id()),
            repository=repository_name(form.target),
            queue=form.queue,
            origin="cli",
            owner=self._owner,
            idempotency_key=key,
            deadline_seconds=form.deadline_seconds,
        )
        submission = self._store.submit(request)
        return Accepted(job=view_of(submission.job, None, None), created=submission.created)

    def jobs(self, *, states: Collection[JobState] = (), limit: int = 50) -> list[JobView]:
        return self._overview.jobs(states=states or None, limit=limit)

    def job(self, job_id: str) -> JobView:
        return self._overview.job(job_id)

    def events(self, job_id: str, after: int = 0, *, wait: bool) -> Iterator[EventView]:
        for event in follow(self._store, job_id, after, wait=wait):
            yield EventView(seq=event.seq, at=event.at, kind=event.kind, data=dict(event.data))

    def result(self, job_id: str) -> str | None:
        self._store.job(job_id)
        record = self._store.result(job_id)
        return None if record is None else record.result_json

    def patch(self, job_id: str) -> bytes | None:
        self._store.job(job_id)
        record = self._store.result(job_id)
        return None if record is None or record.patch is None else diff_bytes(record.patch)

    def cancel(self, job_id: str) -> JobView:
        return self._overview.of(self._store.cancel(job_id, by=self._owner))

    def retry(self, job_id: str) -> JobView:
        return self._overview.of(self._store.retry(job_id))

    def close(self) -> None:
        self._store.close()
