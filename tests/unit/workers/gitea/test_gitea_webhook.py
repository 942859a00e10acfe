"""Gitea's door, and which of its deliveries ask for work."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.gitea_payloads import labelled, rejected, told
from tests.support.github_payloads import HEAD, commented, pull, suite
from workers.forges.errors import DeliveryRefused, NotConfigured
from workers.forges.policy import PolicyBook, RepositoryPolicy
from workers.forges.webhook.trigger import Cause, IgnoredDelivery, PullEnded, Trigger
from workers.gitea.config import GiteaSettings
from workers.gitea.delivery import GiteaDelivery, delivery_of
from workers.gitea.events import trigger_of

SECRET = SecretStr("It's a Secret to Everybody")
EVERYTHING = PolicyBook(defaults=RepositoryPolicy(triggers=frozenset(Cause)))
NAME = "git.example.com/acme/ledger"


def headers(body: bytes, **more: str) -> dict[str, str]:
    secret = SECRET.get_secret_value().encode()
    return {
        "content-type": "application/json",
        "x-gitea-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-gitea-event": "issues",
        "x-gitea-signature": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def read(
    event: str, payload: dict[str, Any], policies: PolicyBook = EVERYTHING
) -> Trigger | IgnoredDelivery:
    body = json.dumps(payload).encode()
    delivery = delivery_of(headers(body, x_gitea_event=event), body, SECRET, "git.example.com")
    assert isinstance(delivery, GiteaDelivery)
    assert delivery.repository == NAME
    return trigger_of(delivery, policies)


@pytest.mark.parametrize(
    "signature", ["", "0" * 64, "sha256=" + "0" * 64, "é" * 64, "F" * 64, None]
)
def test_any_other_signature_is_refused(signature: str | None) -> None:
    values = headers(b"{}")
    del values["x-gitea-signature"]
    more = {} if signature is None else {"x-gitea-signature": signature}
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(values | more, b"{}", SECRET, "s")
    assert refused.value.status_code == 401


def test_a_body_that_was_changed_is_refused() -> None:
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(headers(b"{}"), b"{ }", SECRET, "s")
    assert refused.value.status_code == 401


def test_a_label_asks_for_a_repair() -> None:
    assert read("issues", labelled(12), PolicyBook()) == Trigger(
        cause=Cause.LABEL,
        repository=NAME,
        number=12,
        actor="dev",
        actor_id=101,
        statement="Sums are wrong\n\nThe tests fail.",
    )


@pytest.mark.parametrize(
    "payload",
    [
        labelled(labels=("later",)),
        labelled(labels=()),
        told(labelled(labels=("repair", "later")), "later"),
        labelled(state="closed"),
        labelled() | {"action": "label_cleared"},
    ],
)
def test_other_labels_ask_for_nothing(payload: dict[str, Any]) -> None:
    assert isinstance(read("issues", payload), IgnoredDelivery)


def test_of_a_newer_version_the_label_that_was_added_counts() -> None:
    assert isinstance(read("issues", told(labelled(), "repair")), Trigger)


def test_a_comment_is_read_as_on_github() -> None:
    found = read("issue_comment", commented("/repair tests/test_x.py", 3, on_pull=True))
    assert isinstance(found, Trigger)
    assert (found.cause, found.target, found.is_pull) == (Cause.COMMAND, "#3", True)
    assert found.repository == NAME


def test_new_commits_of_a_pull_request_are_read_as_on_github() -> None:
    found = read("pull_request", pull("synchronized"))
    assert isinstance(found, Trigger)
    assert (found.cause, found.commit) == (Cause.PULL_REQUEST, HEAD)


def test_a_review_that_rejects_our_draft_asks_for_another_round() -> None:
    payload = rejected(4, "repair/20261130-1", HEAD, "Not like this")
    found = read("pull_request_rejected", payload)
    assert isinstance(found, Trigger)
    assert (found.cause, found.statement) == (Cause.REVIEW, "Not like this")


def test_a_failed_workflow_is_a_failed_check() -> None:
    found = read("workflow_run", suite(event="workflow_run"))
    assert isinstance(found, Trigger)
    assert (found.cause, found.target) == (Cause.CHECK, "branch main")


def test_the_policy_is_that_of_the_repository_on_its_server() -> None:
    off = RepositoryPolicy(enabled=False)
    here = PolicyBook(repositories={NAME: off})
    assert isinstance(read("issues", labelled(), here), IgnoredDelivery)
    other = PolicyBook(repositories={"other.example.com/acme/ledger": off})
    assert isinstance(read("issues", labelled(), other), Trigger)


@pytest.mark.parametrize(
    "payload",
    [
        {"action": "label_updated", "repository": {"full_name": "acme/ledger"}, "issue": []},
        labelled() | {"sender": None},
        labelled() | {"changes": {"added_labels": "repair"}},
    ],
)
def test_a_payload_that_is_not_as_documented_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        read("issues", payload)
    assert refused.value.status_code == 422


def test_an_address_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPAIR_GITEA_TOKEN", "x")
    monkeypatch.setenv("REPAIR_GITEA_WEBHOOK_SECRET", "y")
    settings = GiteaSettings.read()
    assert settings is not None
    with pytest.raises(NotConfigured, match="REPAIR_GITEA_URL is not set"):
        settings.secrets()


def test_what_became_of_our_pull_request() -> None:
    payload = pull("closed", ref="repair/20261130-1")
    payload["pull_request"] |= {"state": "closed", "merged": True}
    found = read("pull_request", payload, PolicyBook())
    assert isinstance(found, PullEnded)
    assert (found.job_id, found.merged) == ("20261130-1", True)
