"""GitLab's door: secret, size, form."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused, NotConfigured
from workers.gitlab import delivery as module
from workers.gitlab.config import GitLabSettings
from workers.gitlab.delivery import delivery_of

SECRET = SecretStr("It's a Secret to Everybody")
BODY = b'{"object_attributes": {"action": "create"}, "project": {"path_with_namespace": "a/b"}}'
HEADERS = {
    "content-type": "application/json",
    "x-gitlab-event": "Note Hook",
    "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e",
    "x-gitlab-token": SECRET.get_secret_value(),
}


def test_a_delivery_names_project_and_action() -> None:
    found = delivery_of(HEADERS, BODY, SECRET, "gitlab.example.com")
    assert (found.event, found.action) == ("Note Hook", "create")
    assert found.repository == "gitlab.example.com/a/b"
    assert found.delivery_id == HEADERS["x-gitlab-event-uuid"]


def test_a_delivery_that_is_tried_again_is_known_by_its_key() -> None:
    key = "d1a2b3c4-0000-0000-0000-000000000000"
    found = delivery_of({**HEADERS, "idempotency-key": key}, BODY, SECRET, "s")
    assert found.delivery_id == key


@pytest.mark.parametrize("token", [None, "", "it's a secret to everybody", "é", "x\udcff"])
def test_any_other_secret_is_refused_before_the_body_is_read(
    monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    def parse(*_: object) -> object:
        raise AssertionError("parsed")

    monkeypatch.setattr(module, "decoded", parse)
    headers = {name: value for name, value in HEADERS.items() if name != "x-gitlab-token"}
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(
            headers | ({} if token is None else {"x-gitlab-token": token}), BODY, SECRET, "s"
        )
    assert refused.value.status_code == 401


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("x-gitlab-event-uuid", "../x", 422),
        ("x-gitlab-event", "Note\nHook", 422),
        ("content-type", "text/plain", 415),
    ],
)
def test_odd_headers_are_refused(name: str, value: str, status: int) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of({**HEADERS, name: value}, BODY, SECRET, "s")
    assert refused.value.status_code == status


@pytest.mark.parametrize(
    "url",
    ["http://git.example.com", "ftp://localhost", "https://", "https://me:pw@git.example.com", "x"],
)
def test_an_address_without_tls_or_with_a_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REPAIR_GITLAB_URL", url)
    with pytest.raises(NotConfigured, match="REPAIR_GITLAB_URL") as error:
        GitLabSettings.read()
    assert "pw" not in str(error.value)


def test_settings_in_part_are_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GitLabSettings.read() is None
    monkeypatch.setenv("REPAIR_GITLAB_TOKEN", "glpat-xxxxxxxxxxxxxxxxxxxx")
    settings = GitLabSettings.read()
    assert settings is not None
    with pytest.raises(NotConfigured, match="REPAIR_GITLAB_WEBHOOK_SECRET"):
        settings.secrets()
    assert "glpat" not in repr(settings)
