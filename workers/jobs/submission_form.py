"""What a client may ask for, checked field by field before anything else looks at it."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agent.model_address import kept_address
from agent.records import Budget, RepairJob
from sandbox.languages.python.detection.variables.allowed import check_variables
from workers.records import Queue

DAY_SECONDS = 86_400.0
MAX_PROBLEM_CHARACTERS = 256 * 1024

OneLine = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")]

ModelAddress = Annotated[OneLine, AfterValidator(kept_address)]
"""Kept with the job: without a user and a password."""

Variables = Annotated[dict[str, str], AfterValidator(check_variables)]
"""Of the tests: none that steers the sandbox, its interpreter or this program."""


class SubmissionForm(BaseModel):
    """The options of `repair submit`. Unknown fields are refused: a typo must not be ignored."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    target: OneLine
    """A git URL, or a folder that the service may read."""
    at: OneLine | None = None
    """Commit, branch or tag."""
    install: OneLine | None = None
    """Runs inside the sandbox, like everything of the repository."""
    test: OneLine | None = None
    env: Variables = Field(default_factory=dict)
    """Variables that the tests run with; kept with the job."""
    python: OneLine | None = None
    only: Annotated[list[OneLine], Field(max_length=1000)] = Field(default_factory=list)
    problem_statement: Annotated[str, Field(max_length=MAX_PROBLEM_CHARACTERS)] | None = None
    sandbox: OneLine = "auto"
    max_seconds: Annotated[float, Field(gt=0, le=DAY_SECONDS)] = Budget.max_seconds
    max_candidates: Annotated[int, Field(ge=1, le=10_000_000)] = Budget.max_candidates
    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] = Budget.max_tokens
    max_turns: Annotated[int, Field(ge=1, le=10_000)] = Budget.max_turns
    search_seconds: Annotated[float, Field(ge=0, le=DAY_SECONDS)] = Budget.search_seconds
    model: OneLine | None = None
    model_url: ModelAddress | None = None
    conversations: Annotated[int, Field(ge=1, le=32)] = 1
    queue: Annotated[Queue, Field(strict=False)] = Queue.INTERACTIVE
    deadline_seconds: Annotated[float, Field(gt=0, le=30 * DAY_SECONDS)] | None = None
    """From acceptance; then the job is cancelled, the best patch so far kept."""

    def job(self, run_id: str) -> RepairJob:
        """The job it asks for. Both records name their fields alike."""
        values = self.model_dump()
        budget = Budget(**_shared(values, Budget))
        job_values = _shared(values, RepairJob) | {"only": tuple(self.only)}
        return RepairJob(run_id=run_id, budget=budget, **job_values)


def form_of(job: RepairJob, queue: Queue, deadline_seconds: float | None) -> SubmissionForm:
    """The form that asks for this job. Raises pydantic.ValidationError where a value is too big."""
    values: dict[str, Any] = vars(job) | vars(job.budget) | {"only": list(job.only)}
    form_values = {name: values[name] for name in SubmissionForm.model_fields if name in values}
    return SubmissionForm(**form_values, queue=queue, deadline_seconds=deadline_seconds)


def _shared(values: dict[str, Any], record: type) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(record) if field.name in values}
