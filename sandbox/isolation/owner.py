"""Who made a container, a folder or a control group: the reaper frees what nobody owns."""

from __future__ import annotations

import functools
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.host import programs
from sandbox.host.untrusted_tree import remove_tree

PS_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process, identified by host, pid and start time: a later one may have the same pid."""

    host: str
    pid: int
    start: str
    """Start time as the system tells it: clock ticks since boot, or a date."""

    @property
    def alive(self) -> bool:
        """Whether the process still runs; also for processes of other hosts, which nobody can see
        from here."""
        return self.host != socket.gethostname() or start_of(self.pid) == self.start

    @property
    def name(self) -> str:
        """The prefix of a folder's name that says who owns it; see `from_name`."""
        return f"repair-{self.pid}-{self.start.replace(' ', '_')}"

    @staticmethod
    def from_name(name: str) -> Owner | None:
        """Read the owner back from a folder's name; None when it is not one of ours."""
        prefix, _, suffix = name.partition("-")
        pid, _, tail = suffix.partition("-")
        start, _, unique = tail.rpartition("-")
        if prefix != "repair" or not pid.isdigit() or not start or not unique:
            return None
        start = start.replace("_", " ")
        return Owner(host=socket.gethostname(), pid=int(pid), start=start)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


NOBODY = Owner(host=socket.gethostname(), pid=0, start="never")
"""Owns what any reaper of this machine may remove."""


def this_process() -> Owner:
    """Return the owner that stands for the calling process."""
    return _process(os.getpid())


@contextmanager
def scratch_folder() -> Iterator[str]:
    """Make a temporary folder that the reaper removes when this process is killed, or where it
    cannot be removed now."""
    folder = tempfile.mkdtemp(prefix=f"{this_process().name}-")
    try:
        yield folder
    finally:
        with suppress(OSError):
            remove_tree(Path(folder))


@functools.lru_cache(maxsize=1)
def _process(pid: int) -> Owner:
    return Owner(host=socket.gethostname(), pid=pid, start=start_of(pid) or "unknown")


def start_of(pid: int) -> str | None:
    """Return when the process started; None when there is none with this pid."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
    except (OSError, IndexError):
        return None
    result = programs.run(["ps", "-o", "lstart=", "-p", str(pid)], timeout_seconds=PS_SECONDS)
    return "_".join(result.stdout.decode().split()).replace("-", "_") or None
