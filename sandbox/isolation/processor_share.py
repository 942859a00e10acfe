"""One share of the processor for all sandboxes of this process, as large as its own would be.

A control group competes with its neighbours by its own weight, whatever the nice value of the
processes in it, so that each sandbox would take a share of its own. All of them lie in one group
here, which weighs what this process weighs. Where nobody else computes, that costs nothing.
https://docs.kernel.org/scheduler/sched-nice-design.html
https://docs.kernel.org/admin-guide/cgroup-v2.html#weights
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sandbox.isolation.owner import this_process

NORMAL_SHARES = 1024
"""What a process of nice value 0 weighs, and a group that nobody gave a weight (cgroup v1)."""
NORMAL_WEIGHT = 100
"""The same in cgroup v2."""
NICE_STEP = 1.25
"""Each nice level weighs a fifth less."""
MIN_SHARES = 2


def cpu_shares(nice: int) -> int:
    """The weight of a process with this nice value, where 0 weighs NORMAL_SHARES."""
    return max(MIN_SHARES, round(NORMAL_SHARES / NICE_STEP**nice))


def own_cpu_shares() -> int:
    return cpu_shares(os.getpriority(os.PRIO_PROCESS, 0))


def shared_parents(parents: Mapping[str, Path], own: Path | None) -> Mapping[str, Path]:
    """Where the groups of sandboxes are made: in a group for all of them, made here where it is
    missing. `own` is the group of this process in cgroup v2. As given where that is refused.
    """
    is_unified = len(parents) == 1
    mount = next((m for m in parents if is_unified or Path(m).name == "cpu"), None)
    if mount is None:
        return parents
    share = parents[mount] / f"{this_process().name}-share"
    try:
        share.mkdir(exist_ok=True)
        if is_unified:
            _unified(share, own)
        else:
            (share / "cpu.shares").write_text(str(own_cpu_shares()))
    except OSError:
        drop(share)
        return parents
    return {**parents, mount: share}


def drop(share: Path) -> None:
    """Remove the group once no sandbox is left in it."""
    with suppress(OSError):
        if share.name == f"{this_process().name}-share":
            share.rmdir()


def _unified(share: Path, own: Path | None) -> None:
    """The weight of our own group among its neighbours, and every limit that it is under."""
    (share / "cgroup.subtree_control").write_text("+memory +pids")
    with suppress(OSError):  # the cpu controller may be off here
        (share / "cgroup.subtree_control").write_text("+cpu")
        groups = list(_between(share.parent, own))
        outermost = _number(groups[-1] / "cpu.weight") if groups else NORMAL_WEIGHT
        weight = round(outermost * own_cpu_shares() / NORMAL_SHARES)
        (share / "cpu.weight").write_text(str(min(10_000, max(1, weight))))
        limits = [limit for group in groups if (limit := _limit(group)) is not None]
        if limits:
            quota, period = min(limits, key=lambda limit: limit[0] / limit[1])
            (share / "cpu.max").write_text(f"{quota} {period}")


def _between(parent: Path, own: Path | None) -> Iterator[Path]:
    """Our own group and those above it, up to the one beside the sandboxes' group."""
    while own is not None and own != parent and own.is_relative_to(parent):
        yield own
        own = own.parent


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return NORMAL_WEIGHT


def _limit(group: Path) -> tuple[int, int] | None:
    """Quota and period of a group in microseconds; None without a limit."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota), int(period)
    except (OSError, ValueError):  # `max`: no limit
        return None
