"""A webhook request of GitLab, verified and decoded."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused
from workers.forges.webhook.delivery import Delivery, checked_size, decoded

_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_EVENT = re.compile(r"[A-Za-z ]{1,64}", re.ASCII)
_ID_HEADERS = ("idempotency-key", "x-gitlab-event-uuid")
"""The first is the same again when GitLab tries again, and not sent before GitLab 17.4."""


@dataclass(frozen=True, kw_only=True)
class GitLabDelivery(Delivery):
    """What GitLab said; its event is that of the header, e.g. `Note Hook`."""

    server: str
    """Stands before the project's path."""

    @property
    def action(self) -> str:
        attributes = _part(self.data, "object_attributes")
        action = attributes.get("action") or attributes.get("status")
        return action if isinstance(action, str) else ""

    @property
    def repository(self) -> str:
        path = _part(self.data, "project").get("path_with_namespace")
        return f"{self.server}/{path}" if isinstance(path, str) else ""


def delivery_of(
    headers: Mapping[str, str], body: bytes, secret: SecretStr, server: str
) -> GitLabDelivery:
    """Verify, then decode. `headers` takes lower-case names. Raises DeliveryRefused.

    https://docs.gitlab.com/user/project/integrations/webhooks/#validate-requests-by-using-a-secret-token
    """
    _verify(headers.get("x-gitlab-token"), secret)
    event = headers.get("x-gitlab-event", "")
    delivery_id = next((headers[name] for name in _ID_HEADERS if name in headers), "")
    if not _DELIVERY_ID.fullmatch(delivery_id) or not _EVENT.fullmatch(event):
        raise DeliveryRefused(422, "X-Gitlab-Event-UUID or X-Gitlab-Event is not as GitLab's")
    checked_size(body)
    return GitLabDelivery(
        delivery_id=delivery_id,
        event=event,
        data=decoded(headers, body),
        digest=hashlib.sha256(body).hexdigest(),
        server=server,
    )


def _verify(token: str | None, secret: SecretStr) -> None:
    """Compare in constant time. Raises DeliveryRefused(401)."""
    if token is None:
        raise DeliveryRefused(401, "X-Gitlab-Token is missing")
    expected = secret.get_secret_value().encode()
    if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), expected):
        raise DeliveryRefused(401, "X-Gitlab-Token is wrong")


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
