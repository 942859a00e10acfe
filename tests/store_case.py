"""What tests of the store and its workers submit."""

from __future__ import annotations

from agent.job import RepairJob, RepairResult, Status
from agent.runs import new_run_id
from workers.job import JobRequest


def a_request(repository: str = "example/ledger", **fields: object) -> JobRequest:
    """A job with an id of its own."""
    repair = RepairJob(run_id=new_run_id(), target="/nowhere")
    return JobRequest(repair=repair, repository=repository, **fields)  # type: ignore[arg-type]


def a_result(run_id: str, status: Status = Status.REPAIRED) -> RepairResult:
    return RepairResult(run_id=run_id, status=status, reason="as asked", candidates_tried=7)
