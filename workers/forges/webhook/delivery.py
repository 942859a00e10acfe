"""A webhook request, verified and decoded, without any server (sans-IO, as gidgethub does)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.forges.errors import DeliveryRefused

MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitHub and GitLab send no larger payload."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a forge said, once it is certain that the forge said it."""

    delivery_id: str
    """A GUID; the same again when the delivery is sent again."""
    event: str
    """`issues`, `issue_comment`, …"""
    data: Mapping[str, Any]
    digest: str
    """SHA-256 of the body. The signature covers the body and not the id, so a replayed body
    under a new id is found by this."""

    @property
    def action(self) -> str:
        action = self.data.get("action")
        return action if isinstance(action, str) else ""

    @property
    def repository(self) -> str:
        """The repository's name as the payload has it; empty where it has none."""
        repository = self.data.get("repository")
        name = repository.get("full_name") if isinstance(repository, dict) else None
        return name if isinstance(name, str) else ""

    @classmethod
    def of_own(cls, event: str, repository: str, occasion: str) -> Delivery:
        """A delivery that the service makes itself, once for each occasion."""
        digest = hashlib.sha256(f"{event} {repository} {occasion}".encode()).hexdigest()
        return cls(
            delivery_id=f"{event}-{digest[:32]}",
            event=event,
            data={"repository": {"full_name": repository}},
            digest=digest,
        )


def checked_size(body: bytes) -> bytes:
    """The body, if it is no larger than a payload. Raises DeliveryRefused(413)."""
    if len(body) > MAX_BODY_BYTES:
        raise DeliveryRefused(413, "the body is larger than 25 MiB")
    return body


def decoded(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """The JSON object of a verified body. Raises DeliveryRefused."""
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise DeliveryRefused(415, "set the webhook's content type to application/json")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DeliveryRefused(422, "the body is not JSON that can be read") from error
    if not isinstance(data, dict):
        raise DeliveryRefused(422, "the body is no JSON object")
    return data
