"""From a delivery of Gitea to a trigger: what is not GitHub's form already is put into it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workers.forges.policy import PolicyBook
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.reading import PayloadModel, allowed
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger
from workers.gitea.delivery import GiteaDelivery
from workers.github.api.app_identity import AppIdentity
from workers.github.webhook.events import trigger_of as trigger_of_github

LABELLED = "label_updated"
"""Gitea's action of any change of the labels."""
ACTIONS = {"synchronized": "synchronize"}
REVIEWS = {"pull_request_rejected": "changes_requested"}
"""Event of a review → its state in GitHub's words."""


class _Label(PayloadModel):
    name: str


class _Changes(PayloadModel):
    added_labels: list[_Label] | None = None
    """Told by newer versions alone."""


class _Labels(PayloadModel):
    labels: list[_Label] | None = None


class _Labelled(PayloadModel):
    changes: _Changes | None = None
    issue: _Labels | None = None
    pull_request: _Labels | None = None

    def added(self) -> set[str]:
        """Names of the labels that were added; in older versions of all that are there."""
        if self.changes is not None and self.changes.added_labels is not None:
            return {label.name for label in self.changes.added_labels}
        subject = self.issue or self.pull_request
        return {label.name for label in (subject.labels if subject else None) or ()}


def trigger_of(delivery: GiteaDelivery, policies: PolicyBook) -> Trigger | IgnoredDelivery:
    """What the delivery asks for. Raises DeliveryRefused(422) for a payload with parts missing."""

    def read() -> Trigger | IgnoredDelivery:
        policy = policies.of(delivery.repository)
        translated = _translated(delivery, policy.label)
        if isinstance(translated, IgnoredDelivery):
            return translated
        meaning = trigger_of_github(translated, AppIdentity(), policies.on(delivery.server))
        if isinstance(meaning, IgnoredDelivery):
            return meaning
        return replace(meaning, repository=delivery.repository)

    return allowed(read, policies)


def _translated(delivery: GiteaDelivery, label: str) -> Delivery | IgnoredDelivery:
    data: dict[str, Any] = dict(delivery.data)
    event = delivery.event
    if delivery.action == LABELLED:
        if label not in _Labelled.model_validate(data).added():
            return IgnoredDelivery("another label")
        data |= {"action": "labeled", "label": {"name": label}}
    elif event in REVIEWS:
        content = data.get("review")
        text = content.get("content") if isinstance(content, dict) else None
        event = "pull_request_review"
        data |= {
            "action": "submitted",
            "review": {"id": 1, "state": REVIEWS[delivery.event], "body": text},
        }
    else:
        data["action"] = ACTIONS.get(delivery.action, delivery.action)
    return Delivery(
        delivery_id=delivery.delivery_id, event=event, data=data, digest=delivery.digest
    )
