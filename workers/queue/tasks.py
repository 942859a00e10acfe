"""The one Celery task: somebody says that there is work, so look for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery

from workers.errors import StoreUnavailable
from workers.queue.app import MAX_RETRIES, RUN_TASK
from workers.queue.execution.job_worker import JobWorker
from workers.queue.names import my_name
from workers.records import Queue
from workers.store.store import Store

log = logging.getLogger(__name__)

OpenWorker = Callable[[], tuple[Store, JobWorker]]
"""The store and the worker of this process, opened when a first message comes: a connection must
not cross a fork."""


def register(app: Celery, open_worker: OpenWorker) -> None:
    """Register the task that takes and runs one job with a Celery application."""

    def run(self: Any, job_id: str = "") -> None:
        """`job_id` is for the log: whose turn it is, the store says."""
        store, worker = open_worker()
        if worker.closing:
            return  # the sweeper repeats the hint, for others
        queue = _queue(self.request.delivery_info)
        try:
            claim = store.claim_next(queue, my_name())
        except StoreUnavailable as error:
            log.warning("hint for %s not followed: %s", job_id, error)  # the sweeper repeats it
            return
        if claim is not None:
            worker.carry_out(claim)

    app.task(run, name=RUN_TASK, bind=True, max_retries=MAX_RETRIES)


def _queue(delivery: Any) -> Queue:
    """The queue that a message came from; anything else counts as interactive."""
    key = (delivery or {}).get("routing_key")
    return Queue(key) if key in set(Queue) else Queue.INTERACTIVE
