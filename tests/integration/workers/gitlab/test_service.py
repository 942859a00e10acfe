"""GitLab in the service and on the command line, by its settings."""

from __future__ import annotations

import json
import os

import pytest
from starlette.testclient import TestClient

from cli.main import main
from tests.support.gitlab_case import GitLabCase
from tests.support.gitlab_payloads import issue_labelled
from workers.config import ServiceSettings
from workers.errors import WorkersError
from workers.forges.errors import NotConfigured
from workers.forges.intake.inbox import Inbox
from workers.web.app import create_app


@pytest.fixture
def variables(case: GitLabCase, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a process that is the service of the case."""
    for name in [name for name in os.environ if name.startswith("REPAIR_")]:
        monkeypatch.delenv(name)
    values = {
        "REPAIR_STATE_DIR": str(case.folder / "state"),
        "REPAIR_GITHUB_FOLDER": str(case.folder / "github"),
        "REPAIR_GITLAB_FOLDER": str(case.folder / "gitlab"),
        "REPAIR_GITLAB_URL": case.stand_in.url,
        "REPAIR_GITLAB_TOKEN": case.gitlab_world.token,
        "REPAIR_GITLAB_WEBHOOK_SECRET": case.gitlab_world.webhook_secret,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def test_the_service_takes_deliveries_and_works_them_off(
    case: GitLabCase, variables: dict[str, str]
) -> None:
    headers, body = case.stand_in.request("Issue Hook", issue_labelled(case.issue()))
    with TestClient(create_app(ServiceSettings())) as web:
        answer = web.post("/gitlab/webhook", headers=headers, content=body)
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
        assert web.post("/gitea/webhook", headers=headers, content=body).status_code in (403, 404)
    assert case.forge.inbox.newest()[0].repository.endswith("/acme/ledger")


def test_a_service_without_the_secret_does_not_start(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPAIR_GITLAB_WEBHOOK_SECRET")
    with pytest.raises((NotConfigured, WorkersError), match="REPAIR_GITLAB_WEBHOOK_SECRET"):
        create_app(ServiceSettings())


def test_deliveries_of_one_forge_are_no_other_ones(case: GitLabCase) -> None:
    case.deliver("Issue Hook", issue_labelled(case.issue()))
    other = Inbox(case.store, "github")
    assert other.due() == []
    assert other.newest() == []
    assert other.prune(-1.0) == 0
    assert len(case.forge.inbox.due()) == 1


def test_status_says_whether_the_token_is_taken_and_what_came(
    case: GitLabCase,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["forge", "status"]) == 0
    assert "GitLab: the token is taken\nNothing came from there yet." in capsys.readouterr().out
    case.deliver("Issue Hook", issue_labelled(case.issue()))
    assert main(["forge", "status", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown.keys() == {"gitlab"}
    assert shown["gitlab"]["problem"] == ""
    (delivery,) = shown["gitlab"]["deliveries"]
    assert (delivery["event"], delivery["actor"]) == ("Issue Hook.update", "dev")
    monkeypatch.setenv("REPAIR_GITLAB_TOKEN", "glpat-another-one-that-is-not-known")
    assert main(["forge", "status"]) == 0
    captured = capsys.readouterr()
    assert "401" in captured.out
    assert "glpat" not in captured.out + captured.err


def test_status_without_a_forge_says_so(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("REPAIR_GITLAB_TOKEN")
    monkeypatch.delenv("REPAIR_GITLAB_WEBHOOK_SECRET")
    assert main(["forge", "status"]) == 2
    assert "No forge is set up here" in capsys.readouterr().err


def test_an_address_without_tls_is_bad_input(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REPAIR_GITLAB_URL", "http://gitlab.example.com")
    assert main(["forge", "status"]) == 2
    assert "REPAIR_GITLAB_URL" in capsys.readouterr().err
