"""A webhook request of Gitea or Forgejo, verified and decoded."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused
from workers.forges.webhook.delivery import Delivery, checked_size, decoded

_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class GiteaDelivery(Delivery):
    """What Gitea said: payloads are like those of GitHub."""

    server: str
    """Stands before the repository's name."""

    @property
    def repository(self) -> str:
        name = super().repository
        return f"{self.server}/{name}" if name else ""


def delivery_of(
    headers: Mapping[str, str], body: bytes, secret: SecretStr, server: str
) -> GiteaDelivery:
    """Verify, then decode. `headers` takes lower-case names. Raises DeliveryRefused.

    https://docs.gitea.com/usage/webhooks
    """
    _verify(checked_size(body), headers.get("x-gitea-signature"), secret)
    delivery_id = headers.get("x-gitea-delivery", "")
    event = headers.get("x-gitea-event", "")
    if not _DELIVERY_ID.fullmatch(delivery_id) or not _EVENT.fullmatch(event):
        raise DeliveryRefused(422, "X-Gitea-Delivery or X-Gitea-Event is not as Gitea's")
    return GiteaDelivery(
        delivery_id=delivery_id,
        event=event,
        data=decoded(headers, body),
        digest=hashlib.sha256(body).hexdigest(),
        server=server,
    )


def _verify(body: bytes, signature: str | None, secret: SecretStr) -> None:
    """Compare `X-Gitea-Signature` with the HMAC of the raw body, in constant time.

    Raises DeliveryRefused(401).
    """
    if signature is None or not _SIGNATURE.fullmatch(signature):
        raise DeliveryRefused(401, "X-Gitea-Signature is missing, or not 64 hex digits")
    expected = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, expected):
        raise DeliveryRefused(401, "X-Gitea-Signature is wrong")
