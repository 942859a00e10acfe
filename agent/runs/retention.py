"""Runs that ended long ago are removed, so that the state folder does not grow for ever."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from agent.config import Settings
from agent.errors import RunLocked
from agent.runs.folder import REMOVED, RunFolder, runs_root
from agent.wording import counted
from sandbox.host.untrusted_tree import remove_tree

DAY_SECONDS = 86_400.0
MAX_RUNS = 200
"""Runs that one call removes something of: a repair waits for it."""


def prune_runs(settings: Settings) -> list[str]:
    """Remove what need not be kept of old runs; return what was removed, in sentences.

    The newest `kept_runs` runs that ended or failed are kept whole. Older ones lose their
    checkpoints and snapshot at once, and are removed when they ended over `retention_days` ago. A
    run stays as it is while a process works on it, where it was interrupted, and where its files
    are not as `repair` writes them. No symbolic link is followed. Raises OSError where the runs
    cannot be listed; what cannot be removed is left for the next time.
    """
    root = runs_root(settings)
    if not root.is_dir():
        return []
    folders = _folders_in(root)
    for leftover in (path for path in folders if path.name.startswith(REMOVED)):
        with suppress(OSError):
            remove_tree(leftover)
    long_ago = time.time() - settings.retention_days * DAY_SECONDS
    removals = reductions = 0
    for end_time, folder in _newest_first(folders)[settings.kept_runs :]:
        if removals + reductions >= MAX_RUNS:
            break
        old = end_time < long_ago
        if not old and not folder.working_files():
            continue
        with suppress(RunLocked, OSError), folder.lock():
            if _ended(folder) != end_time or not (folder.has_ended() or folder.has_failed()):
                continue
            if old:
                folder.remove()
                removals += not folder.path.exists()
            else:
                folder.remove_working_files()
                reductions += 1
    return _sentences(removals, reductions, settings)


def _sentences(removed: int, reduced: int, settings: Settings) -> list[str]:
    sentences = []
    if removed:
        days = f"{settings.retention_days:g} days"
        sentences.append(f"removed {counted(removed, 'run')} that ended over {days} ago")
    if reduced:
        sentences.append(f"removed checkpoints and snapshots of {counted(reduced, 'older run')}")
    return sentences


def _folders_in(root: Path) -> list[Path]:
    with os.scandir(root) as entries:
        return [root / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _newest_first(folders: list[Path]) -> list[tuple[float, RunFolder]]:
    """The runs that have a result or failed, and when they ended."""
    runs = [RunFolder(path) for path in folders if not path.name.startswith(REMOVED)]
    dated_runs = [(end_time, run) for run in runs if (end_time := _ended(run)) is not None]
    return sorted(dated_runs, key=lambda each: each[0], reverse=True)


def _ended(folder: RunFolder) -> float | None:
    """Seconds since the epoch; None where the job as it is now neither has a result nor failed."""
    try:
        job = os.lstat(folder.job)
        result = os.lstat(folder.failure if folder.has_failed() else folder.result)
    except OSError:
        return None
    if not (stat.S_ISREG(job.st_mode) and stat.S_ISREG(result.st_mode)):
        return None
    # A service that tries a job again writes it again, beside the result of the last try.
    return result.st_mtime if job.st_mtime <= result.st_mtime else None
