"""A webhook request of GitHub, verified and decoded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused
from workers.forges.webhook.delivery import Delivery, checked_size, decoded
from workers.github.webhook.signature import verify_signature

_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)


def delivery_of(headers: Mapping[str, str], body: bytes, secret: SecretStr) -> Delivery:
    """Verify, then decode. `headers` takes lower-case names. Raises DeliveryRefused."""
    verify_signature(checked_size(body), headers.get("x-hub-signature-256"), secret)
    delivery_id = headers.get("x-github-delivery", "")
    event = headers.get("x-github-event", "")
    if not _DELIVERY_ID.fullmatch(delivery_id) or not _EVENT.fullmatch(event):
        raise DeliveryRefused(422, "X-GitHub-Delivery or X-GitHub-Event is not as GitHub's")
    return Delivery(
        delivery_id=delivery_id,
        event=event,
        data=decoded(headers, body),
        digest=hashlib.sha256(body).hexdigest(),
    )
