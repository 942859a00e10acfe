"""Sending a recorded delivery to a service, signed as GitHub would."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused, Unreachable
from workers.github.setup import APP_EVENTS

MAX_RECORDED_BYTES = 30 * 1024 * 1024


@dataclass(frozen=True)
class RecordedDelivery:
    """A webhook delivery read from a file: its event and payload."""

    event: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status_code: int
    text: str


def read_recorded(path: Path, event: str | None) -> RecordedDelivery:
    """Read `{"event": …, "payload": …}`, or a payload alone.

    Its event is then `event`, else the name of the folder it lies in, as in octokit/webhooks.
    Raises DeliveryRefused, also where that is no event, or OSError.
    """
    if path.stat().st_size > MAX_RECORDED_BYTES:
        raise DeliveryRefused(413, f"{path} is larger than a delivery can be")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DeliveryRefused(422, f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DeliveryRefused(422, f"{path} is no JSON object")
    payload, event_name = document, path.resolve().parent.name
    if isinstance(document.get("payload"), dict):
        payload, event_name = document["payload"], str(document.get("event", ""))
    if event is None and event_name not in APP_EVENTS:
        raise DeliveryRefused(
            422, f"nothing says of which event {path} is: name it, e.g. --event issues"
        )
    return RecordedDelivery(event or event_name, payload)


def send(delivery: RecordedDelivery, url: str, secret: SecretStr, *, as_new: bool) -> Answer:
    """Post it under a new id. `as_new` adds a field, so that a body that was there before counts
    as a new one. Raises Unreachable."""
    delivery_id = str(uuid.uuid4())
    payload = {**delivery.payload, "replayed": delivery_id} if as_new else delivery.payload
    body = json.dumps(payload).encode()
    digest = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-delivery": delivery_id,
        "x-github-event": delivery.event,
        "x-hub-signature-256": f"sha256={digest}",
    }
    target = f"{url.rstrip('/')}/github/webhook"
    try:
        answer = httpx.post(target, content=body, headers=headers, timeout=15.0)
    except httpx.HTTPError as error:
        raise Unreachable(f"{target} does not answer: {type(error).__name__}") from error
    return Answer(answer.status_code, answer.text[:2000])
