"""A control group of our own around one sandbox, where this machine lets us make one."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.base import Limits
from sandbox.isolation.owner import this_process
from sandbox.isolation.processor_share import drop, shared_parents

CGROUP_MOUNT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
_SHARING = threading.Lock()
"""Held while the group of all sandboxes may come or go."""
PERIOD_MICROSECONDS = 100_000
# Joins every group named before `--`, then becomes the command that follows it.
ENTER_GROUP_SCRIPT = """
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done
shift; exec "$@"
"""


@dataclass(frozen=True)
class ControlGroup:
    """Folders of one group: a single one with cgroup v2, one a controller with v1."""

    folders: Mapping[str, Path]
    """Where the group is seen inside a sandbox → where it lies on the host."""

    @staticmethod
    def create(limits: Limits) -> ControlGroup | None:
        """Make a group with these limits; None where this user may not."""
        if not group_parents():
            return None
        name = f"{this_process().name}-{uuid.uuid4().hex[:8]}"
        group = ControlGroup(_made(name))
        try:
            group._limit(limits)
        except OSError:
            group.close()
            return None
        return group

    def enter(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` inside the group."""
        return [
            "/bin/sh",
            "-c",
            ENTER_GROUP_SCRIPT,
            "sh",
            *map(str, self.folders.values()),
            "--",
            *argv,
        ]

    def oom_kills(self) -> int:
        """Return how many processes the kernel killed here for memory."""
        for folder in self.folders.values():
            for name in ("memory.events", "memory.oom_control"):
                try:
                    lines = (folder / name).read_text().splitlines()
                except OSError:
                    continue
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def close(self) -> None:
        """Kill what is left in the group and remove it."""
        for folder in self.folders.values():
            remove_group(folder)
        with _SHARING:
            for folder in self.folders.values():
                drop(folder.parent)

    def _limit(self, limits: Limits) -> None:
        quota = str(int(limits.cpus * PERIOD_MICROSECONDS))
        memory = str(limits.memory_bytes)
        if len(self.folders) == 1:
            (folder,) = self.folders.values()
            _write(folder / "memory.max", memory)
            _write(folder / "memory.swap.max", "0", optional=True)  # no swap compiled in
            _write(folder / "pids.max", str(limits.processes))
            _write(folder / "cpu.max", f"{quota} {PERIOD_MICROSECONDS}", optional=True)
            return
        by_controller = {
            Path(mount_point).name: folder for mount_point, folder in self.folders.items()
        }
        _write(by_controller["memory"] / "memory.limit_in_bytes", memory)
        _write(by_controller["memory"] / "memory.memsw.limit_in_bytes", memory, optional=True)
        _write(by_controller["pids"] / "pids.max", str(limits.processes))
        _write(by_controller["cpu"] / "cpu.cfs_period_us", str(PERIOD_MICROSECONDS))
        _write(by_controller["cpu"] / "cpu.cfs_quota_us", quota)


def _made(name: str) -> Mapping[str, Path]:
    """Make a group beside those of our other sandboxes; a folder that cannot be made is missing
    when its limits are written."""
    with _SHARING:
        parents = shared_parents(group_parents(), next(iter(_own_and_above()), None))
        folders = {mount_point: parent / name for mount_point, parent in parents.items()}
        with suppress(OSError):
            for folder in folders.values():
                folder.mkdir()
    return folders


def remove_group(folder: Path) -> None:
    """Kill what runs in the group's folder and remove it, waiting up to two seconds."""
    for inner in folder.glob("repair-*"):  # those of one process lie together
        remove_group(inner)
    deadline = time.monotonic() + 2.0
    while folder.is_dir():
        with suppress(OSError):
            folder.rmdir()
            return
        if time.monotonic() > deadline:
            return
        for line in _read(folder / "cgroup.procs").split():
            try:
                os.kill(int(line), signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(0.005)


@functools.cache
def group_parents() -> Mapping[str, Path]:
    """Return where groups can be made: place inside a sandbox → host folder; empty if nowhere."""
    if (CGROUP_MOUNT / "cgroup.controllers").exists():
        parent = next(filter(_usable, _own_and_above()), None)
        return {str(CGROUP_MOUNT): parent} if parent else {}
    own_paths = {}
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, names, path = line.split(":", 2)
        own_paths.update(dict.fromkeys(names.split(","), path))
    parents = {}
    for name in CONTROLLERS:
        if not (CGROUP_MOUNT / name / "cgroup.procs").exists() or name not in own_paths:
            return {}
        parent = CGROUP_MOUNT / name / own_paths[name].lstrip("/")
        # In a container the path is the host's and the mount shows only our own part.
        parents[str(CGROUP_MOUNT / name)] = parent if parent.is_dir() else CGROUP_MOUNT / name
    return parents if all(os.access(folder, os.W_OK) for folder in parents.values()) else {}


def _own_and_above() -> list[Path]:
    own_path = _read(Path("/proc/self/cgroup")).strip().rpartition("::")[2].lstrip("/")
    folder = CGROUP_MOUNT / own_path
    return [
        ancestor for ancestor in (folder, *folder.parents) if ancestor.is_relative_to(CGROUP_MOUNT)
    ]


def _usable(folder: Path) -> bool:
    """A group with processes cannot have limited children, so look for one that already does."""
    controllers = _read(folder / "cgroup.subtree_control").split()
    return os.access(folder / "cgroup.procs", os.W_OK) and {"memory", "pids"} <= set(controllers)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, text: str, *, optional: bool = False) -> None:
    try:
        path.write_text(text)
    except OSError:
        if not optional:
            raise
