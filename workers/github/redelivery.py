"""Deliveries that GitHub sent and that never arrived: found in its own list, sent again.

GitHub does not redeliver by itself, and keeps its list for three days.
https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from workers.forges.errors import NotConfigured
from workers.github.api.tokens import AppTokens
from workers.github.connection import GitHub

MAX_EXAMINED_DELIVERIES = 1000
"""Deliveries of GitHub's list, newest first."""


@dataclass(frozen=True, kw_only=True)
class MissedDelivery:
    """A delivery this service has no record of."""

    number: int
    """Of the attempt, by which GitHub sends it again."""
    delivery_id: str
    event: str
    delivered_at: str
    status: str


def missed(github: GitHub) -> list[MissedDelivery]:
    """What GitHub sent and the inbox does not hold. Raises CallFailed or NotConfigured."""
    deliveries = list(itertools.islice(_sent(github), MAX_EXAMINED_DELIVERIES))
    recorded_ids = github.inbox.known([delivery.delivery_id for delivery in deliveries])
    newest: dict[str, MissedDelivery] = {}
    for delivery in deliveries:  # several attempts at a delivery share its id
        if delivery.delivery_id not in recorded_ids:
            newest.setdefault(delivery.delivery_id, delivery)
    return list(newest.values())


def redeliver(github: GitHub, delivery: MissedDelivery) -> None:
    """Have GitHub send it again. Raises CallFailed or NotConfigured."""
    path = f"/app/hook/deliveries/{delivery.number}/attempts"
    github.client.change("POST", path, _authorization(github))


def _sent(github: GitHub) -> Iterator[MissedDelivery]:
    for item in github.client.pages("/app/hook/deliveries", _authorization(github)):
        yield MissedDelivery(
            number=int(item["id"]),
            delivery_id=str(item["guid"]),
            event=f"{item.get('event', '')}.{item.get('action') or ''}".rstrip("."),
            delivered_at=str(item.get("delivered_at", "")),
            status=str(item.get("status", "")),
        )


def _authorization(github: GitHub) -> str:
    if not isinstance(github.tokens, AppTokens):
        raise NotConfigured(
            "only an App has a list of deliveries; a repository's own webhook shows its "
            "deliveries in the repository's settings, where they can be sent again"
        )
    return github.tokens.app_authorization()
