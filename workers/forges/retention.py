"""What is left of old deliveries and jobs leaves."""

from __future__ import annotations

import time
from pathlib import Path

from workers.errors import JobNotFound
from workers.forges.forge import Forge

MIN_SOURCE_AGE_SECONDS = 3600.0
"""A fetched commit is there before its job is."""


def prune(forge: Forge, days: float) -> None:
    """Forget deliveries that old, and fetched commits of jobs that the store has forgotten."""
    forge.inbox.prune(days)
    for folder in forge.sources.glob("*.git"):
        if _is_young(folder):
            continue
        job_id = folder.name.removesuffix(".git")
        try:
            forge.store.job(job_id)
        except JobNotFound:
            forge.source("", job_id).remove()


def _is_young(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime < MIN_SOURCE_AGE_SECONDS
    except FileNotFoundError:
        return True  # another process removed it just now
