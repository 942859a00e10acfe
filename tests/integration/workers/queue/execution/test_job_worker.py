"""What becomes of a job whose run breaks, by what it broke on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from agent.errors import CheckpointDamaged, RunLocked
from agent.model.errors import ModelUnavailable, RequestRefused
from sandbox.errors import BadTarget, DiskFull, SandboxDied, SandboxUnavailable
from tests.support.store_case import a_request
from workers.config import ServiceSettings
from workers.errors import StoreUnavailable
from workers.queue.execution.job_worker import MAX_WAIT_SECONDS, FinishedRun, JobWorker, Task
from workers.records import Job, JobState
from workers.store.scheduling.limits import Limits
from workers.store.store import Store
from workers.store.tables import jobs


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(state_dir=tmp_path)


def after(store: Store, settings: ServiceSettings, error: Exception, **columns: int) -> Job:
    """`columns`: what the job has behind it."""

    def run(_task: Task) -> FinishedRun:
        raise error

    job_id = store.submit(a_request()).job.id
    if columns:
        with store.transaction() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(columns))
    claim = store.claim(job_id, "w1")
    assert claim is not None
    JobWorker(store, settings, run).carry_out(claim)
    return store.job(claim.job.id)


def test_a_model_that_is_away_costs_no_attempt(store: Store, settings: ServiceSettings) -> None:
    job = after(store, settings, ModelUnavailable("no answer"))
    assert (job.state, job.crashes, job.waits) == (JobState.WAITING, 0, 1)
    assert job.not_before is not None
    assert "model" in job.reason


@pytest.mark.parametrize("error", [ModelUnavailable("no answer"), StoreUnavailable("no answer")])
def test_what_is_away_for_weeks_costs_no_attempt_either(
    store: Store, settings: ServiceSettings, error: Exception
) -> None:
    job = after(store, settings, error, waits=5000)
    assert (job.state, job.crashes, job.waits) == (JobState.WAITING, 0, 5001)
    assert job.not_before is not None
    assert job.not_before - datetime.now(UTC) <= timedelta(seconds=MAX_WAIT_SECONDS)


def test_a_job_that_broke_a_thousand_times_is_tried_again(
    store: Store, settings: ServiceSettings
) -> None:
    store.limits = Limits(max_crashes=10_000)
    job = after(store, settings, SandboxDied("the engine was restarted"), crashes=5000)
    assert (job.state, job.crashes) == (JobState.WAITING, 5001)


def test_a_database_that_is_away_is_no_crash(store: Store, settings: ServiceSettings) -> None:
    job = after(store, settings, StoreUnavailable("the database went away"))
    assert (job.state, job.crashes, job.waits) == (JobState.WAITING, 0, 1)
    assert job.reason == "the database went away"


@pytest.mark.parametrize(
    "error",
    [
        SandboxDied("the engine was restarted"),
        SandboxUnavailable("no engine"),
        DiskFull("full"),
        OSError("input/output error"),
        ZeroDivisionError("ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_machines_faults_are_tried_again(
    store: Store, settings: ServiceSettings, error: Exception
) -> None:
    job = after(store, settings, error)
    assert (job.state, job.crashes) == (JobState.WAITING, 1)
    assert str(error) in job.reason


@pytest.mark.parametrize(
    "error",
    [BadTarget("no such folder"), CheckpointDamaged("tampered"), RequestRefused("no such model")],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_succeed_is_a_dead_letter_at_once(
    store: Store, settings: ServiceSettings, error: Exception
) -> None:
    job = after(store, settings, error)
    assert (job.state, job.reason) == (JobState.DEAD, str(error))


def test_a_run_still_held_on_this_machine_is_waited_for(
    store: Store, settings: ServiceSettings
) -> None:
    job = after(store, settings, RunLocked("another process"))
    assert (job.state, job.crashes) == (JobState.WAITING, 0)
