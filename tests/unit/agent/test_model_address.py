"""Addresses of model servers: who sees the credentials in one."""

from __future__ import annotations

import base64

import pytest
from pydantic import ValidationError

from agent.config import Settings
from agent.model.base import GenerationParams, Message
from agent.model.errors import RequestRefused
from agent.model.openai_api.client import RemoteModel
from agent.model_address import (
    address_to_ask,
    checked_address,
    credentials_in,
    without_credentials,
)
from agent.records import RepairJob
from cli.display.log import RunLog
from cli.errors import BadInput
from cli.exit_codes import ExitCode
from cli.main import main
from cli.options.arguments import check_model_url
from tests.support.stand_in_server import failure, stand_in_server
from workers.forges.policy import RepositoryPolicy
from workers.jobs.submission_form import SubmissionForm

SECRET = "https://me:p%40ss@gpu:8000/v1"


def test_credentials_are_taken_out_and_found_again() -> None:
    assert without_credentials(SECRET) == "https://gpu:8000/v1"
    assert credentials_in(SECRET) == ("me", "p@ss")
    for plain in ("https://gpu:8000/v1", "http://gpu/a%40b", "/models/a"):
        assert without_credentials(plain) == plain
        assert credentials_in(plain) is None
    assert address_to_ask("https://gpu:8000/v1", SECRET) == SECRET
    assert address_to_ask("https://other/v1", SECRET) == "https://other/v1"
    assert address_to_ask(None, SECRET) is None


HIDDEN = (
    "https://me:hun/ter@gpu/v1",
    "https://me:hun#ter@gpu/v1",
    "https://me:hun?ter@gpu/v1",
    "https://me:hun@ter@gpu/v1",
    "me:hunter@gpu/v1",
    "//me:hunter@gpu/v1",
    "https:/me:hunter@gpu/v1",
    "https://gpu/v1?key=hunter@x",
    "https://me:hun[ter@gpu/v1",
    "https://me:hun\u2100ter@gpu/v1",
    "https://me:hunter",
    "https://me:hunter\n@gpu/v1",
    "https://me:hun ter@gpu/v1",
)


@pytest.mark.parametrize("url", HIDDEN)
def test_an_address_that_can_be_read_in_two_ways_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(ValueError, match=r"http|%40") as caught:
        checked_address(url)
    assert caught.value.__cause__ is None
    with pytest.raises(ValidationError) as refused:
        Settings(model_url=url)
    with pytest.raises(BadInput) as typed:
        check_model_url(url)
    for said in (str(caught.value), str(refused.value), str(typed.value)):
        assert "hun" not in said
    kept = RepairJob(run_id="r", target=".").asking(url).model_url or ""
    assert "@" not in kept
    assert "@" not in url or not any(part in kept for part in ("me:", "hun", "ter"))


def test_blanks_around_an_address_hide_nothing() -> None:
    assert checked_address(f" {SECRET}\n") == SECRET
    assert without_credentials(f" {SECRET}") == "https://gpu:8000/v1"
    assert Settings(model_url=f" {SECRET}").model_url == SECRET
    assert "p%40ss" not in repr(Settings(model_url=SECRET))
    with pytest.raises(BadInput, match="in REPAIR_MODEL_URL"):
        check_model_url(f" {SECRET}")


def test_a_job_of_the_service_and_a_policy_keep_no_password() -> None:
    for refused in (
        lambda: SubmissionForm(target="/x", model_url=SECRET),
        lambda: RepositoryPolicy(model_url=SECRET),
    ):
        with pytest.raises(ValidationError, match="REPAIR_MODEL_URL") as caught:
            refused()
        assert "p%40ss" not in str(caught.value)


def test_a_log_that_is_made_to_be_shown_holds_none() -> None:
    words = ["repo", "--model-url", HIDDEN[0], f"--model-url={HIDDEN[1]}"]
    text = RunLog(words).text(ValueError("x"))
    assert "gpu/v1" in text
    assert "hun" not in text


def test_a_check_of_a_server_tells_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "check", "--model-url", HIDDEN[0]]) == ExitCode.BAD_INPUT
    with stand_in_server(failure(401, "no")) as server:
        main(["model", "check", "--model-url", server.url.replace("://", "://me:hunter@")])
    said = capsys.readouterr()
    assert "asking" in said.err
    assert "hun" not in said.out + said.err


def test_a_job_keeps_the_address_of_the_installation_without_them() -> None:
    job = RepairJob(run_id="r", target=".").asking(SECRET)
    assert job.model_url == "https://gpu:8000/v1"


def test_the_server_gets_them_and_no_message_does() -> None:
    with stand_in_server(failure(401, "no")) as server:
        model = RemoteModel(server.url.replace("http://", "http://me:p%40ss@"))
        with pytest.raises(RequestRefused) as caught:
            model.generate([Message(role="user", content="hi")], (), GenerationParams())
        name = model.name
        model.close()
        sent = server.headers_seen[0]["Authorization"]
    assert sent == "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert "p%40ss" not in f"{caught.value}{name}"
