"""What is left of old deliveries and jobs leaves."""

from __future__ import annotations

import time
from pathlib import Path

from workers.errors import JobNotFound
from workers.github.connection import GitHub

MIN_SOURCE_AGE_SECONDS = 3600.0
"""A fetched commit is there before its job is."""


def prune(github: GitHub, days: float) -> None:
    """Forget deliveries that old, and fetched commits of jobs that the store has forgotten."""
    github.inbox.prune(days)
    for folder in github.sources.glob("*.git"):
        if _is_young(folder):
            continue
        job_id = folder.name.removesuffix(".git")
        try:
            github.store.job(job_id)
        except JobNotFound:
            github.source("", job_id).remove()


def _is_young(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime < MIN_SOURCE_AGE_SECONDS
    except FileNotFoundError:
        return True  # another process removed it just now
