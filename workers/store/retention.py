"""Old jobs leave: rows, events, results, checkpoints and run folders."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, delete, select

from agent.runs.folder import RunFolder
from workers.records import LIVE_STATES
from workers.store import checkpoints
from workers.store.clock import seconds_from_now
from workers.store.tables import jobs, turns

DAY_SECONDS = 86_400.0
MAX_PRUNED_JOBS = 100
"""Jobs in one transaction: others write, too."""


def prune(connection: Connection, days: float) -> int:
    """Remove jobs that ended that long ago; their events and results go with them."""
    long_ago = seconds_from_now(-days * DAY_SECONDS)
    old = (
        select(jobs.c.id)
        .where(jobs.c.state.not_in(LIVE_STATES), jobs.c.ended_at < long_ago)
        .limit(MAX_PRUNED_JOBS)
    )
    ids = connection.execute(old).scalars().all()
    for job_id in ids:
        checkpoints.forget(connection, job_id)
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    connection.execute(delete(turns).where(turns.c.served_at < long_ago))
    return len(ids)


def prune_folders(runs: Path, days: float) -> int:
    """Remove run folders of this machine that nobody touched for that long."""
    count = 0
    for path in runs.iterdir() if runs.is_dir() else ():
        folder = RunFolder(path)
        if time.time() - path.stat().st_mtime > days * DAY_SECONDS and not folder.locked():
            folder.remove()
            count += 1
    return count
