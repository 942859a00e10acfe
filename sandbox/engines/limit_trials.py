"""Tries each limit of a sandbox from inside: what `repair doctor --deep` shows.

`sandbox.engines.probe` reads what the kernel says; here a program really uses too much or reaches
too far. Engines differ in what they enforce silently or not at all: rootless ones without delegated
control groups, Podman behind Docker's socket, gVisor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.base import MEBIBYTE, CommandResult, Limits
from sandbox.engines.choose import AnySandbox, empty_session
from sandbox.engines.probe import ProbeReport, ProbeRow, probe
from sandbox.engines.process import ProcessSandbox
from sandbox.errors import SandboxDied, SandboxError
from sandbox.isolation.owner import scratch_folder
from sandbox.session.session import GuestSession

TRIAL_LIMITS = Limits(
    memory_bytes=256 * MEBIBYTE,
    processes=64,
    cpus=0.5,
    workspace_bytes=32 * MEBIBYTE,
    output_bytes=MEBIBYTE // 4,
)
TRIAL_SECONDS = 20.0
"""Of each trial; one that is held takes less than three."""
MAX_LATENESS_SECONDS = 5.0
"""How much later than its time-out a command may end."""
TRIAL_FILES = TRIAL_LIMITS.workspace_bytes // 1024
"""Four times as many as a session may have."""


@dataclass(frozen=True, kw_only=True)
class LimitTrial:
    """A program that tries to exceed one limit, and how its failure is told."""

    name: str
    program: str
    """Python, run inside without site packages."""
    held: Callable[[CommandResult], bool]
    """Whether the way it ended shows that the limit is in force."""
    seconds: float = TRIAL_SECONDS


def _says(ending: str) -> Callable[[CommandResult], bool]:
    return lambda result: result.ok and result.stdout.strip().endswith(ending)


TRIALS = (
    LimitTrial(
        name="memory",
        program=f"x = bytearray({2 * TRIAL_LIMITS.memory_bytes})\nx[::4096] = x[::4096]",
        held=lambda result: result.out_of_memory or "MemoryError" in result.stderr,
    ),
    LimitTrial(
        name="memory of many processes",
        program=(
            "import os, time\n"
            "for _ in range(8):\n"
            "    if os.fork() == 0:\n"
            f"        x = bytearray({TRIAL_LIMITS.memory_bytes // 4}); x[::4096] = x[::4096]\n"
            "        time.sleep(6); os._exit(0)\n"
            "for _ in range(8): os.wait()"
        ),
        held=lambda result: result.out_of_memory,
    ),
    LimitTrial(
        name="processes",
        program=(
            "import os, signal, time\n"
            "made = []\n"
            "try:\n"
            f"    while len(made) < {4 * TRIAL_LIMITS.processes}:\n"
            "        pid = os.fork()\n"
            "        if pid == 0: time.sleep(60); os._exit(0)\n"
            "        made.append(pid)\n"
            "except OSError: pass\n"
            "time.sleep(0.3)\n"  # where a watch holds them, it looks every 50 ms
            "alive = sum(os.waitpid(pid, os.WNOHANG)[0] == 0 for pid in made)\n"
            f"print('held' if alive <= {TRIAL_LIMITS.processes} else alive)"
        ),
        held=lambda result: result.exit_code != 0 or _says("held")(result),
    ),
    LimitTrial(
        name="CPU",
        # A busy machine gives less than the limit, never more.
        program=(
            "import os, resource, time\n"
            "began = time.monotonic(); pid = os.fork()\n"
            "while time.monotonic() < began + 1.5: pass\n"
            "if pid == 0: os._exit(0)\n"
            "os.wait()\n"
            "used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF,"
            " resource.RUSAGE_CHILDREN)]\n"
            "share = sum(u.ru_utime + u.ru_stime for u in used) / (time.monotonic() - began)\n"
            f"print('held' if share < {TRIAL_LIMITS.cpus * 1.5} else share)"
        ),
        held=_says("held"),
    ),
    LimitTrial(
        name="disk",
        program=(
            "import errno\n"
            "for folder in ('/workspace', '/tmp', '/dev/shm'):\n"
            "    with open(folder + '/trial', 'wb', buffering=0) as file:\n"
            "        try:\n"
            f"            for _ in range({2 * TRIAL_LIMITS.workspace_bytes // MEBIBYTE}):\n"
            f"                if file.write(bytes({MEBIBYTE})) < {MEBIBYTE}: break\n"
            "            else: raise SystemExit(folder)\n"
            "        except OSError as error:\n"
            "            assert error.errno in (errno.ENOSPC, errno.EFBIG), error\n"
            "        file.truncate(0)\n"
            "print('held')"
        ),
        held=_says("held"),
    ),
    LimitTrial(
        name="number of files",
        program=(
            "import os, shutil\n"
            "os.mkdir('/workspace/many')\n"
            "try:\n"
            f"    for n in range({TRIAL_FILES}): open('/workspace/many/%d' % n, 'x').close()\n"
            "    print('worked')\n"
            "except OSError: print('held')\n"
            "shutil.rmtree('/workspace/many')"
        ),
        # Killed by the watch where the file system itself counts none.
        held=lambda result: (
            result.exit_code is None or result.exit_code != 0 or _says("held")(result)
        ),
    ),
    LimitTrial(
        name="privileges",
        program=(
            "import ctypes, os\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "def works(action):\n"
            "    try: return action() == 0\n"
            "    except OSError: return False\n"
            "tried = {\n"
            "    'become root': lambda: os.setuid(0) or 0,\n"
            "    'mount': lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None),\n"
            "    'new user namespace': lambda: libc.unshare(0x10000000),\n"
            "    'trace process 1': lambda: libc.ptrace(16, 1, None, None),\n"
            "    'make a device': lambda: os.mknod('/tmp/device', 0o60600, 0x800) or 0,\n"
            "    'set the clock': lambda: libc.settimeofday(bytes(16), None),\n"
            "}\n"
            "print(', '.join(name for name, one in tried.items() if works(one)) or 'held')"
        ),
        held=_says("held"),
    ),
    LimitTrial(
        name="time-out",
        program=(
            "import os, signal\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "if os.fork() == 0: os.setsid()\n"
            "while True: pass"
        ),
        held=lambda result: result.timed_out and result.seconds < 1.0 + MAX_LATENESS_SECONDS,
        seconds=1.0,
    ),
    LimitTrial(
        name="output",
        program="import os\nwhile True: os.write(1, b'y' * 65536)",
        held=lambda result: (
            result.timed_out and len(result.stdout) <= 2 * TRIAL_LIMITS.output_bytes
        ),
        seconds=1.0,
    ),
    LimitTrial(
        name="signals to everything",
        program="import os, signal\nos.kill(1, signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)",
        # The killed one may not tell; what counts is that the sandbox answers afterwards.
        held=lambda result: not result.timed_out,
    ),
)


def try_limits(sandbox: AnySandbox) -> ProbeReport:
    """What `probe` sees, then every trial in one small sandbox. Takes about 15 seconds."""
    report = probe(sandbox)
    if isinstance(sandbox, ProcessSandbox) or not (report.rows and report.rows[0].ok):
        return report
    try:
        rows = _rows(sandbox)
    except SandboxError as error:
        rows = [ProbeRow(name="tried", ok=False, detail=str(error))]
    return ProbeReport(sandbox=sandbox.name, rows=(*report.rows, *rows))


def _rows(sandbox: AnySandbox) -> list[ProbeRow]:
    bare = sandbox.bare()
    with scratch_folder() as host_folder, empty_session(sandbox, bare, TRIAL_LIMITS) as session:
        idle_processes = _processes(session)
        rows = [_row(trial, session, bare.python, idle_processes) for trial in TRIALS]
        listing = session.run(["ls", host_folder], timeout_seconds=TRIAL_SECONDS)
    detail = "it worked" if listing.ok else listing.stderr.strip()
    return [*rows, ProbeRow(name="tried: files outside", ok=not listing.ok, detail=detail)]


def _row(trial: LimitTrial, session: GuestSession, python: str, idle_processes: int) -> ProbeRow:
    name = f"tried: {trial.name}"
    try:
        result = session.run(
            [python, "-I", "-S", "-c", trial.program], timeout_seconds=trial.seconds
        )
        survivors = _left(session, idle_processes)
    except SandboxDied as death:
        return ProbeRow(name=name, ok=False, detail=f"it ended the sandbox: {death}")
    if survivors > 0:
        return ProbeRow(name=name, ok=False, detail=f"{survivors} processes outlived it")
    return ProbeRow(name=name, ok=trial.held(result), detail=_detail(result))


def _left(session: GuestSession, idle_processes: int) -> int:
    """Processes that a command left behind; its supervisor may take a moment to go."""
    deadline = time.monotonic() + MAX_LATENESS_SECONDS
    while (survivors := _processes(session) - idle_processes) > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    return survivors


def _processes(session: GuestSession) -> int:
    """Processes in the sandbox, those that count included."""
    result = session.run(
        ["sh", "-c", "set -- /proc/[0-9]*; echo $#"], timeout_seconds=TRIAL_SECONDS
    )
    return int(result.stdout)


def _detail(result: CommandResult) -> str:
    if result.out_of_memory:
        return "killed when it went over the limit"
    if result.timed_out:
        return (
            f"killed after {result.seconds:.1f} s, {len(result.stdout)} characters of output kept"
        )
    if result.exit_code is not None and result.exit_code < 0:
        return f"killed by signal {-result.exit_code}; the sandbox goes on"
    if _says("held")(result):
        return "refused, or cut to its limit"
    output = result.stdout.strip() or result.stderr.strip()
    return (
        f"exit code {result.exit_code}: {output[-120:]}"
        if output
        else f"exit code {result.exit_code}"
    )
