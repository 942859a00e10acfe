"""Records what comes in at the same moment in one transaction.

Each commit waits for the disk, and SQLite lets only one writer in: twenty deliveries that come
together would queue up for it. Together they wait once.
"""

from __future__ import annotations

import asyncio

from workers.errors import StoreUnavailable
from workers.forges.intake.inbox import Inbox
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger

RECORD_TIMEOUT_SECONDS = 8.0
"""GitHub and GitLab hang up after 10 s and show the delivery as failed, so that it can be sent
again."""
MAX_BATCH_DELIVERIES = 100
"""Deliveries in one transaction."""
MAX_WAITING_DELIVERIES = 2000
"""More than this is no burst: the database does not keep up."""

Arrival = tuple[Delivery, Trigger | IgnoredDelivery]


class GroupCommit:
    """The way into the inbox for one event loop."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: list[tuple[Arrival, asyncio.Future[bool]]] = []
        self._working: asyncio.Task[None] | None = None

    async def record(self, delivery: Delivery, meaning: Trigger | IgnoredDelivery) -> bool:
        """Whether the delivery is new; returns once it is safe.

        Raises StoreUnavailable, after RECORD_TIMEOUT_SECONDS at the latest. It may have been
        recorded all the same: when it is sent again, it is known.
        """
        if len(self._waiting) >= MAX_WAITING_DELIVERIES:
            raise StoreUnavailable("more deliveries come in than can be recorded")
        outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(((delivery, meaning), outcome))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        try:
            async with asyncio.timeout(RECORD_TIMEOUT_SECONDS):
                return await outcome
        except TimeoutError as error:
            raise StoreUnavailable("the database does not answer") from error

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = (
                    self._waiting[:MAX_BATCH_DELIVERIES],
                    self._waiting[MAX_BATCH_DELIVERIES:],
                )
                await self._together(batch)
        finally:
            self._working = None

    async def _together(self, batch: list[tuple[Arrival, asyncio.Future[bool]]]) -> None:
        """All are recorded, or none is and each is told why."""
        try:
            arrivals = [arrival for arrival, _ in batch]
            # A thread that hangs on a dead connection must not hold up those that come later.
            async with asyncio.timeout(RECORD_TIMEOUT_SECONDS):
                news = await asyncio.to_thread(self._inbox.record_all, arrivals)
        except Exception as error:  # it belongs to those who wait
            for _, outcome in batch:
                if not outcome.done():
                    outcome.set_exception(error)
            return
        for (_, outcome), is_new in zip(batch, news, strict=True):
            if not outcome.done():  # whoever gave up waiting gets no answer
                outcome.set_result(is_new)
