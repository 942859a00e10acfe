"""Guest code: hardens itself, applies limits, reads them back, and knows the process tree."""

from __future__ import annotations

import functools
import os
import resource
import socket
from typing import Any, Collection, Dict, Iterable, List, Optional

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 22, 36, 38
CGROUP = "/sys/fs/cgroup"
# (memory limit, swap-inclusive limit, process limit) of cgroup v2 and v1, seen from inside.
MEMORY_FILES = (CGROUP + "/memory.max", CGROUP + "/memory/memory.limit_in_bytes")
SWAP_FILES = (CGROUP + "/memory.swap.max", CGROUP + "/memory/memory.memsw.limit_in_bytes")
PIDS_FILES = (CGROUP + "/pids.max", CGROUP + "/pids/pids.max")
EVENT_FILES = (CGROUP + "/memory.events", CGROUP + "/memory/memory.oom_control")


def _prctl(option: int, value: int, pointer: int = 0) -> int:
    """Best effort: only Linux has it."""
    try:
        return int(_libc().prctl(option, _long(value), _long(pointer), _long(0), _long(0)))
    except (OSError, AttributeError, ImportError):
        return -1


@functools.lru_cache(maxsize=1)
def _libc() -> Any:
    import ctypes  # absent from some builds of Python

    return ctypes.CDLL(None, use_errno=True)


def _long(value: int) -> Any:
    import ctypes

    return ctypes.c_ulong(value)


def harden() -> None:
    """Out of reach of code that runs under the same uid; every orphan comes to us."""
    _prctl(PR_SET_DUMPABLE, 0)
    adopt_orphans()


def adopt_orphans() -> None:
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def volunteer_for_oom() -> None:
    """The command, not the guest, is what the kernel kills first."""
    _prctl(PR_SET_DUMPABLE, 1)  # the file below belongs to root while undumpable
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def keep_nice() -> None:
    """A new session has an autogroup of its own, in which the nice value of its processes says
    nothing to others (sched(7)): it takes that value on itself. Best effort: not every kernel has
    them, and it may be asked ten times a second."""
    nice = os.nice(0)
    try:
        if nice > 0:
            with open("/proc/self/autogroup", "w") as file:
                file.write(str(nice))
    except OSError:
        pass


def apply(request: Dict[str, Any]) -> None:
    """Take on the resource limits, and the uid when the launcher left that to us."""
    for name, value in request.get("rlimits", {}).items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        _, hard = resource.getrlimit(number)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(number, (value, value))
        except (OSError, ValueError):
            pass  # macOS refuses some; the host compares what is in force
    if request.get("uid") is not None:
        _become(request["uid"], request.get("own", ()))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    program = request.get("seccomp", {}).get(os.uname().machine)
    if program:
        _filter(bytes.fromhex(program))
    _prctl(PR_SET_DUMPABLE, 0)


def _filter(program: bytes) -> None:
    """Install a seccomp program for this process and all it starts."""
    import ctypes

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]

    argument = Program(len(program) // 8, program)
    pointer = ctypes.cast(ctypes.pointer(argument), ctypes.c_void_p).value
    if _prctl(PR_SET_SECCOMP, 2, pointer or 0) != 0:
        raise OSError("the system-call filter was refused")


def _become(uid: int, folders: Iterable[str]) -> None:
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _first_number(paths: Iterable[str]) -> Optional[int]:
    for path in paths:
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _cpus() -> Optional[float]:
    try:
        with open(CGROUP + "/cpu.max") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        quota = str(_first_number((CGROUP + "/cpu/cpu.cfs_quota_us",)))
        period = str(_first_number((CGROUP + "/cpu/cpu.cfs_period_us",)))
    has_limit = quota.isdigit() and period.isdigit() and int(period) > 0
    return int(quota) / int(period) if has_limit else None


def oom_kills() -> int:
    """Processes the kernel has killed for memory in this sandbox; 0 where it does not say."""
    for path in EVENT_FILES:
        try:
            with open(path) as file:
                for line in file:
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        except OSError:
            continue
    return 0


def read_back(paths: Iterable[str]) -> Dict[str, Any]:
    """What is really in force, as the kernel says it. `paths` are the writable file systems."""
    limits: Dict[str, Any] = {
        "memory_bytes": _first_number(MEMORY_FILES),
        "memory_and_swap_bytes": _first_number(SWAP_FILES),
        "processes": _first_number(PIDS_FILES),
        "cpus": _cpus(),
        "rlimits": {
            name: resource.getrlimit(getattr(resource, name))[0]
            for name in (
                "RLIMIT_AS",
                "RLIMIT_NPROC",
                "RLIMIT_FSIZE",
                "RLIMIT_NOFILE",
                "RLIMIT_CORE",
            )
            if hasattr(resource, name)
        },
        "uid": os.getuid(),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "file_systems": _file_systems(paths),
    }
    try:
        with open("/proc/self/status") as file:
            status = dict(line.rstrip("\n").split(":", 1) for line in file if ":" in line)
        for name in ("CapEff", "NoNewPrivs", "Seccomp"):
            limits[name] = int(status.get(name, "0"), 16)
    except OSError:
        pass
    return limits


def _file_systems(paths: Iterable[str]) -> Dict[str, Any]:
    sizes: Dict[str, Any] = {}
    for path in (*paths, os.getcwd()):
        try:
            state = os.statvfs(path)
        except OSError:
            continue
        sizes[path] = {"bytes": state.f_blocks * state.f_frsize, "inodes": state.f_files}
    return sizes


def _processes() -> Dict[int, int]:
    """pid → parent, of all that live. Empty where there is no /proc."""
    table: Dict[int, int] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return table
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open("/proc/" + name + "/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in (b"Z", b"X"):
            table[int(name)] = int(fields[1])
    return table


def descendants(root: int, spare: Collection[int] = ()) -> List[int]:
    """Living descendants of `root`, without the subtrees of those in `spare`."""
    children: Dict[int, List[int]] = {}
    for pid, parent in _processes().items():
        children.setdefault(parent, []).append(pid)
    pids: List[int] = []
    queue = [root]
    while queue:
        below = [pid for pid in children.get(queue.pop(), ()) if pid not in spare]
        pids += below
        queue += below
    return pids


def watch(limits: Dict[str, Any], supervisors: Collection[int]) -> int:
    """Hold what the kernel does not: files of a tmpfs, and without cgroups memory and processes.

    Kills the largest process when memory is over its limit, and all of them when files are
    over theirs and grow. Returns how many were killed.
    """
    files, earlier_files = _files_made(limits["file_systems"]), limits.get("files_before", 0)
    limits["files_before"] = files
    if "memory_bytes" not in limits and files <= limits["files"]:
        return 0
    commands = [pid for pid in descendants(os.getpid()) if pid not in supervisors]
    if files > max(limits["files"], earlier_files):
        for pid in commands:
            _kill(pid)
        # What they still made is no fault of the next command: each may end the call it was in.
        limits["files_before"] = _files_made(limits["file_systems"]) + len(commands)
        return len(commands)
    if "memory_bytes" not in limits:
        return 0
    sizes = {pid: _private_memory(pid) for pid in commands}
    used_bytes = sum(sizes.values()) + _memory_in_files(limits["file_systems"])
    if used_bytes > limits["memory_bytes"] and sizes:
        _kill(max(sizes, key=lambda pid: sizes[pid]))
        return 1
    for pid in sorted(sizes)[limits["processes"] :]:
        _kill(pid)
    return 0


def _private_memory(pid: int) -> int:
    """Bytes that are this process's own: pages of program files are shared and cost nothing."""
    try:
        with open("/proc/{}/status".format(pid)) as file:
            lines = [line.split() for line in file if line.startswith(("RssAnon:", "RssShmem:"))]
    except OSError:
        return 0
    return sum(int(line[1]) * 1024 for line in lines)


def _files_made(paths: Iterable[str]) -> int:
    count = 0
    for path in paths:
        try:
            state = os.statvfs(path)
        except OSError:
            continue
        count += state.f_files - state.f_ffree
    return count


def _memory_in_files(paths: Iterable[str]) -> int:
    used_bytes = 0
    for path in paths:
        try:
            state = os.statvfs(path)
        except OSError:
            continue
        used_bytes += (state.f_blocks - state.f_bfree) * state.f_frsize
    return used_bytes


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except OSError:
        pass
