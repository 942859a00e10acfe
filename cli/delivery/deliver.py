"""What happens with a patch that was found: saved, and on request applied or committed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from agent.patches.changes import diff_bytes
from agent.patches.unified_diff import PatchRefused, apply_diff
from agent.records import RepairResult, Status
from agent.runs.folder import RunFolder
from agent.selection.announcement import announcement
from agent.untrusted_text import printable
from agent.wording import in_part
from cli.delivery.apply import apply_to_tree
from cli.delivery.branch import commit_on_branch
from cli.delivery.output_file import write_output
from cli.display.result import Delivery
from cli.errors import ApplyRefused
from cli.options.arguments import is_url
from cli.options.request import DeliveryOptions
from sandbox.snapshots.snapshot import Snapshot, load_snapshot


def save(
    result: RepairResult, patch: Path, delivery_options: DeliveryOptions, target: str | None = None
) -> Path | None:
    """Copy the patch to where the user wants it. Returns its place; None without a patch.
    Raises BadInput where `target` has put a link there."""
    if result.patch is None:
        return None
    if delivery_options.output is None:
        return patch
    return write_output(delivery_options.output, patch.read_bytes(), "--output", target)


def deliver(
    result: RepairResult, folder: RunFolder, saved: Path | None, delivery_options: DeliveryOptions
) -> Delivery:
    """Apply or commit as asked. Raises ApplyRefused; the patch stays saved."""
    job = folder.load_job()
    target = None if is_url(job.target) else job.target
    if result.patch is None or target is None or saved is None or delivery_options.writes is None:
        return Delivery(saved=saved, target=target)
    if delivery_options.apply_repaired and result.status is Status.PLAUSIBLE:
        return Delivery(saved=saved, target=target)
    root = Path(target)
    try:
        base = base_of(folder)
        changes = apply_diff(diff_bytes(result.patch.diff), partial(_read, base))
        if delivery_options.branch is None:
            return Delivery(saved=saved, target=target, applied=apply_to_tree(root, changes))
        commit_on_branch(
            root, delivery_options.branch, base.base_commit, changes, commit_message(result)
        )
        return Delivery(saved=saved, target=target, branch=delivery_options.branch)
    except (PatchRefused, ApplyRefused) as error:
        raise ApplyRefused(f"{error} The patch is saved: {printable(str(saved))}") from error


def commit_message(result: RepairResult) -> str:
    """What the patch does, and how much and how surely: the first line alone has to say it."""
    change = printable(result.patch.candidate.description) if result.patch else "no patch"
    message = f"{announcement(result, 'Fix')}: {change}\n\nFound by repair, run {result.run_id}."
    if result.baseline is not None and result.baseline.still_red:
        message += f"\n\nIn part: {in_part(result.baseline)}."
    return message


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
