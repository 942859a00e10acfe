"""The model a job is carried out with."""

from __future__ import annotations

import pytest

from agent.config import Settings
from agent.records import RepairJob

JOB = RepairJob(run_id="r", target=".")
SERVER = "http://model:30000/v1"


def test_a_job_that_names_no_model_asks_the_installation_s() -> None:
    assert JOB.asking(SERVER).model_url == SERVER
    assert JOB.asking(None) == JOB


def test_a_job_s_own_model_stands() -> None:
    own = RepairJob(run_id="r", target=".", model="scripted:file")
    assert own.asking(SERVER) == own


def test_what_is_left_empty_in_the_environment_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPAIR_MODEL_URL", "")
    monkeypatch.setenv("REPAIR_DOCKER_IMAGE", "")
    settings = Settings()
    assert settings.model_url is None
    assert settings.docker_image is None
