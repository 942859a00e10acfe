"""Evaluations that ended long ago are removed, as runs are (`agent.runs.retention`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from agent.config import Settings
from agent.errors import AgentError
from agent.evaluation.report.files import read_summary
from agent.evaluation.run_folder import EvaluationFolder, evaluations_root, list_evaluations
from agent.runs.folder import REMOVED
from agent.runs.retention import DAY_SECONDS
from agent.wording import counted
from sandbox.host.untrusted_tree import remove_tree

MAX_EVALUATIONS = 50
"""That one call removes, the oldest first: an evaluation waits for it."""


def prune_evaluations(settings: Settings) -> Iterator[str]:
    """Remove evaluations; yield a sentence on what was removed.

    Kept are the newest `kept_runs` that came to their end, those that did so within
    `retention_days`, all that can be gone on with, and any that a process works on. What cannot be
    removed is left for the next time.
    """
    root = evaluations_root(settings)
    for leftover in root.glob(f"{REMOVED}*") if root.is_dir() else ():
        with suppress(OSError):
            remove_tree(leftover)
    long_ago = time.time() - settings.retention_days * DAY_SECONDS
    endings = [
        (when, evaluation)
        for evaluation in list_evaluations(settings)
        if (when := _ended(evaluation)) is not None
    ]
    endings.sort(key=lambda each: each[0], reverse=True)
    old = [ending for ending in endings[settings.kept_runs :] if ending[0] < long_ago]
    count = sum(_remove(evaluation, when) for when, evaluation in old[: -MAX_EVALUATIONS - 1 : -1])
    if count:
        days = f"{settings.retention_days:g} days"
        yield f"removed {counted(count, 'evaluation')} that ended over {days} ago"


def _ended(folder: EvaluationFolder) -> float | None:
    """Seconds since the epoch; None for one that did not come to its end."""
    try:
        if folder.path.is_symlink() or not read_summary(folder.summary).complete:
            return None
        return folder.summary.stat().st_mtime
    except (AgentError, OSError):
        return None


def _remove(folder: EvaluationFolder, end_time: float) -> bool:
    """Whether it is gone. One that was gone on with, or ended anew, since it was listed is kept."""
    with suppress(AgentError, OSError), folder.lock():
        if _ended(folder) == end_time:
            folder.remove()
            return True
    return False
