"""What tests of the store and its workers submit."""

from __future__ import annotations

import pytest

from agent.records import RepairJob, RepairResult, Status
from agent.runs.folder import new_run_id
from workers.records import JobRequest

DATABASES = ["sqlite", "postgresql", "postgresql-en-US"]
"""The third sorts texts as a dictionary does: most servers are created that way."""


def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of an empty database of the kind that the fixture's parameter names."""
    kind, _, language = str(request.param).partition("-")
    if kind == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('store')}/service.sqlite"
    return str(request.getfixturevalue("postgres").database(language or None))


def a_request(repository: str = "example/ledger", **fields: object) -> JobRequest:
    """A job with an id of its own."""
    repair = RepairJob(run_id=new_run_id(), target="/nowhere")
    return JobRequest(repair=repair, repository=repository, **fields)  # type: ignore[arg-type]


def a_result(run_id: str, status: Status = Status.REPAIRED) -> RepairResult:
    return RepairResult(run_id=run_id, status=status, reason="as asked", candidates_tried=7)
