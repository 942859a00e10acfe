"""A webhook request, verified and decoded, without any server (sans-IO, as gidgethub does)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from workers.github.errors import DeliveryRefused
from workers.github.webhook.signature import verify_signature

MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitHub sends no larger payload."""
_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What GitHub said, once it is certain that GitHub said it."""

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

    @classmethod
    def from_http(cls, headers: Mapping[str, str], body: bytes, secret: SecretStr) -> Delivery:
        """Verify, then decode. `headers` takes lower-case names. Raises DeliveryRefused."""
        if len(body) > MAX_BODY_BYTES:
            raise DeliveryRefused(413, "the body is larger than 25 MiB")
        verify_signature(body, headers.get("x-hub-signature-256"), secret)
        delivery_id = headers.get("x-github-delivery", "")
        event = headers.get("x-github-event", "")
        if not _DELIVERY_ID.fullmatch(delivery_id) or not _EVENT.fullmatch(event):
            raise DeliveryRefused(422, "X-GitHub-Delivery or X-GitHub-Event is not as GitHub's")
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise DeliveryRefused(415, "set the webhook's content type to application/json")
        return cls(
            delivery_id=delivery_id,
            event=event,
            data=_decode(body),
            digest=hashlib.sha256(body).hexdigest(),
        )


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DeliveryRefused(422, "the body is not JSON that can be read") from error
    if not isinstance(data, dict):
        raise DeliveryRefused(422, "the body is no JSON object")
    return data
