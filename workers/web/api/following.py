"""A job's events as they come, for streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.concurrency import run_in_threadpool

from workers.errors import JobNotFound
from workers.jobs.follow import POLL_SECONDS, Step, look
from workers.store.store import Store


async def steps(
    store: Store, job_id: str, after: int = 0, *, wait: bool = True
) -> AsyncIterator[Step]:
    """Look at a job until it has ended, or once when not to `wait`.

    The database is asked, not a broker: a stream that begins again on another server misses
    nothing.
    """
    while True:
        try:
            step = await run_in_threadpool(look, store, job_id, after)
        except JobNotFound:
            return  # pruned meanwhile
        yield step
        after = step.events[-1].seq if step.events else after
        if step.last or not (wait or step.more):
            return
        if not step.more:
            await anyio.sleep(POLL_SECONDS)
