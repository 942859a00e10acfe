"""A job that came to its end, with what is to be shown of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from agent.patches.changes import diff_bytes
from agent.records import RepairResult
from agent.runs.result_file import RESULT_SCHEMA, Evidence, parse_result
from agent.serialization import plain
from workers.records import Job, JobState
from workers.store.store import Store


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """A finished job with its result, evidence and patch."""

    job: Job
    result: RepairResult
    evidence: Evidence | None
    patch: str | None

    @property
    def patch_digest(self) -> str:
        """What tells this patch from that of another attempt: a retried job keeps its id."""
        return hashlib.sha256(diff_bytes(self.patch or "")).hexdigest()[:16]

    def document(self, url: str) -> str:
        """A result file that anybody can take the verdict again with: it names the address to
        clone from instead of a folder of this machine, and leaves out what did not become the
        patch, and what was said to the model."""
        public_result = replace(self.result, alternatives=(), suspicious=(), result_path=None)
        evidence = replace(self.evidence, target=url, trajectory=()) if self.evidence else None
        record = {"schema": RESULT_SCHEMA, "result": plain(public_result)}
        return json.dumps(record | {"evidence": plain(evidence) if evidence else None})


def finished(store: Store, job: Job) -> FinishedJob | None:
    """The finished job with its result; None for a job that is live, or ended without a result."""
    record = store.result(job.id) if job.state is JobState.ENDED else None
    if record is None:
        return None
    result, evidence = parse_result(record.result_json)
    return FinishedJob(job=job, result=result, evidence=evidence, patch=record.patch)
