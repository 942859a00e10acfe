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

    The newest `kept_runs` runs that ended are kept whole. Older ones lose their checkpoints and
    snapshot at once, and are removed when they ended over `retention_days` ago. A run stays as it
    is while a process works on it, while it can be resumed, and where its files are not as `repair`
    writes them. No symbolic link is followed. Raises OSError where the runs cannot be listed; what
    cannot be removed is left for the next time.
    """
    root = runs_root(settings)
    if not root.is_dir():
        return []
    folders = _folders_in(root)
    for leftover in (path for path in folders if path.name.startswith(REMOVED)):
        with suppress(OSError):
            remove_tree(leftover)
    long_ago = time.time() - settings.retention_days * DAY_SECONDS
    removed = reduced = 0
    for ended, folder in _newest_first(folders)[settings.kept_runs :]:
        if removed + reduced >= MAX_RUNS:
            break
        old = ended < long_ago
        if not old and not folder.working_files():
            continue
        with suppress(RunLocked, OSError), folder.lock():
            if _ended(folder) != ended or not folder.has_ended():
                continue
            if old:
                folder.remove()
                removed += not folder.path.exists()
            else:
                folder.remove_working_files()
                reduced += 1
    return _sentences(removed, reduced, settings)


def _sentences(removed: int, reduced: int, settings: Settings) -> list[str]:
    told = []
    if removed:
        days = f"{settings.retention_days:g} days"
        told.append(f"removed {counted(removed, 'run')} that ended over {days} ago")
    if reduced:
        told.append(f"removed checkpoints and snapshots of {counted(reduced, 'older run')}")
    return told


def _folders_in(root: Path) -> list[Path]:
    with os.scandir(root) as entries:
        return [root / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _newest_first(folders: list[Path]) -> list[tuple[float, RunFolder]]:
    """The runs with a result, and when they ended."""
    runs = [RunFolder(path) for path in folders if not path.name.startswith(REMOVED)]
    found = [(ended, run) for run in runs if (ended := _ended(run)) is not None]
    return sorted(found, key=lambda each: each[0], reverse=True)


def _ended(folder: RunFolder) -> float | None:
    """Seconds since the epoch; None without a result of the job as it is now."""
    try:
        job, result = os.lstat(folder.job), os.lstat(folder.result)
    except OSError:
        return None
    if not (stat.S_ISREG(job.st_mode) and stat.S_ISREG(result.st_mode)):
        return None
    # A service that tries a job again writes it again, beside the result of the last try.
    return result.st_mtime if job.st_mtime <= result.st_mtime else None
