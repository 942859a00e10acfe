"""Who shows the state of a job where the job came from, e.g. in a comment on GitHub."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping

from workers.config import ServiceSettings
from workers.errors import JobNotFound
from workers.job import Job, OutboxEntry
from workers.store import Store

log = logging.getLogger(__name__)

Publisher = Callable[[Store, ServiceSettings, Job], None]
"""Shows the job's state as it is now. It is called at least once after each change, again after a
crash, and again after an error: it must be idempotent (see `Store.begin`)."""
PUBLISHERS: Mapping[str, str] = {"github": "workers.github.publisher:publish"}
"""Origin → `module:function` of its publisher, imported when it is first needed."""
MOST_ATTEMPTS = 20
PAUSE_SECONDS = 10.0
"""Before the second attempt; doubles with each, up to an hour."""


def publish(store: Store, settings: ServiceSettings, entry: OutboxEntry) -> None:
    """Do one publishing that is due, unless another process has just taken it."""
    taken = store.take_publishing(entry.job_id)
    if taken is None:
        return
    try:
        job = store.job(taken.job_id)
        publisher_of(job.request.origin)(store, settings, job)
    except JobNotFound:
        return  # pruned, and its outbox with it
    except Exception:  # the boundary to another service: tomorrow it may work
        log.exception("publishing of job %s, attempt %d", taken.job_id, taken.attempts)
        if taken.attempts < MOST_ATTEMPTS:
            store.put_off(taken, PAUSE_SECONDS * 2**taken.attempts)
            return
    store.settle(taken)


def publisher_of(origin: str) -> Publisher:
    module, _, name = PUBLISHERS[origin].partition(":")
    found: Publisher = getattr(importlib.import_module(module), name)
    return found
