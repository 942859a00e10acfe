"""Between rows and records."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from agent.records import Status
from agent.serialization import plain, restore
from workers.records import Job, JobEvent, JobRequest, JobState


def job_of(row: Row[Any]) -> Job:
    """A row of `jobs` as a record."""
    return Job(
        id=row.id,
        request=restore(JobRequest, json.loads(row.request)),
        state=JobState(row.state),
        outcome=None if row.outcome is None else Status(row.outcome),
        reason=row.reason,
        attempts=row.attempts,
        crashes=row.crashes,
        waits=row.waits,
        cancel_requested=row.cancel_requested,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        not_before=row.not_before,
        deadline_at=row.deadline_at,
        worker=row.worker,
        tokens=row.tokens,
        gpu_seconds=float(row.gpu_seconds),
        candidates_tried=row.candidates_tried,
        merged=row.merged,
    )


def event_of(row: Row[Any]) -> JobEvent:
    return JobEvent(
        job_id=row.job_id, seq=row.seq, at=row.at, kind=row.kind, data=json.loads(row.data)
    )


def request_text(request: JobRequest) -> str:
    return json.dumps(plain(request))


MAX_SENTENCE_CHARACTERS = 4_000
"""Of a reason: it may quote what a repository or its server said."""


def storable(text: str) -> str:
    """A sentence as PostgreSQL takes it: no NUL, no half of a surrogate pair, of some length."""
    sentence = text[:MAX_SENTENCE_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    return sentence.replace("\x00", "\N{REPLACEMENT CHARACTER}")
