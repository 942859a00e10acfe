"""A job's events as they come, for streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.concurrency import run_in_threadpool

from workers.errors import JobNotFound
from workers.job import LIVE, Job, JobEvent
from workers.store import Store

POLL_SECONDS = 0.5
BATCH = 500


async def follow(
    store: Store, job_id: str, after: int = 0, *, wait: bool = True, idle: bool = False
) -> AsyncIterator[tuple[Job, list[JobEvent]]]:
    """Yield the job with its next events; with `idle` also when there are none.

    Ends with the job, or at once when not to `wait`. The database is asked, not a broker: a
    stream that begins again elsewhere misses nothing.
    """
    while True:
        try:
            # The state first: an event that comes after it is read in this round or the next.
            job = await run_in_threadpool(store.job, job_id)
        except JobNotFound:
            return  # pruned meanwhile
        events = await run_in_threadpool(store.events, job_id, after, BATCH)
        ended = job.state not in LIVE
        if events or idle or ended:
            yield job, events
            after = events[-1].seq if events else after
        if len(events) == BATCH:
            continue
        if ended or not wait:
            return
        await anyio.sleep(POLL_SECONDS)
