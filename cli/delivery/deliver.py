"""What happens with a patch that was found: saved, and on request applied or committed."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from agent.patches.apply_diff import PatchRefused, apply_diff
from agent.patches.changes import diff_bytes
from agent.printable import printable
from agent.records import RepairResult
from agent.runs.folder import RunFolder
from cli.delivery.apply import apply_to_tree
from cli.delivery.branch import commit_on_branch
from cli.display.result import Delivery
from cli.errors import ApplyRefused
from cli.options.arguments import is_url
from cli.options.request import Wish
from sandbox.snapshots.snapshot import Snapshot, load_snapshot


def save(result: RepairResult, patch: Path, wish: Wish) -> Path | None:
    """Copy the patch to where the user wants it. Returns its place; None without a patch."""
    if result.patch is None:
        return None
    if wish.output is None:
        return patch
    shutil.copyfile(patch, wish.output)
    return wish.output.absolute()


def deliver(result: RepairResult, folder: RunFolder, saved: Path | None, wish: Wish) -> Delivery:
    """Apply or commit as asked. Raises ApplyRefused; the patch stays saved."""
    job = folder.load_job()
    target = None if is_url(job.target) else job.target
    if result.patch is None or target is None or saved is None or wish.writes is None:
        return Delivery(saved=saved, target=target)
    root = Path(target)
    try:
        base = base_of(folder)
        changes = apply_diff(diff_bytes(result.patch.diff), partial(_read, base))
        if wish.branch is None:
            return Delivery(saved=saved, target=target, applied=apply_to_tree(root, changes))
        message = f"Fix: {result.patch.candidate.description}\n\nFound by repair, run {job.run_id}."
        commit_on_branch(root, wish.branch, base.base_commit, changes, message)
        return Delivery(saved=saved, target=target, branch=wish.branch)
    except (PatchRefused, ApplyRefused) as error:
        raise ApplyRefused(f"{error} The patch is saved: {printable(str(saved))}") from error


def base_of(folder: RunFolder) -> Snapshot:
    """The files the repair worked on, kept in the folder of its run."""
    for index in folder.snapshot.glob("*.json"):
        return load_snapshot(index)
    raise ApplyRefused("The files this run worked on are gone from its folder.")


def _read(base: Snapshot, path: str) -> bytes | None:
    try:
        return base.read(path)
    except FileNotFoundError:
        return None
