"""Variables of the tests in a submission: bounded, and none that steers the worker's sandbox."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.records import RepairJob
from agent.serialization import plain, restore
from workers.jobs.submission_form import SubmissionForm, form_of
from workers.records import Queue


def test_they_are_kept_with_the_job() -> None:
    job = SubmissionForm(target="https://h/x", env={"A": "1", "B": "x\ny"}).job("run")
    assert job.env == {"A": "1", "B": "x\ny"}
    assert restore(RepairJob, plain(job)) == job
    assert form_of(job, Queue.INTERACTIVE, None).env == job.env


def test_a_job_of_an_earlier_version_has_none() -> None:
    record = plain(RepairJob(run_id="run", target="x"))
    del record["env"]
    assert restore(RepairJob, record).env == {}


@pytest.mark.parametrize(
    "env",
    [
        *({"PATH": "x"}, {"LD_PRELOAD": "x"}, {"1A": "x"}, {"A=B": "x"}, {"A": "x\0"}, {"A": 1}),
        *({"A": "x" * 9000}, {f"V{n}": "" for n in range(201)}, {"A": "\ud800"}, {"": "x"}),
    ],
)
def test_what_would_steer_the_sandbox_or_is_too_large_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SubmissionForm(target="https://h/x", env=env)
