"""Guest code: runs one command and ends everything it started.

The supervisor is a fork of the guest that adopts orphans (PR_SET_CHILD_SUBREAPER), so a daemon
that left its session and its process group is still a descendant, and dies with the command.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import Any, Dict, Optional, Set, Tuple

from . import limits

KILL_SECONDS = 4.0
Descriptors = Tuple[int, int, int, int, int]


def launch(request: Dict[str, Any], workspace: str) -> Tuple[int, Descriptors]:
    """Start a command; return the supervisor's pid and the five descriptors to it.

    They are: stdin (write), stdout (read), stderr (read), control (write), status (read).
    """
    stdin_r, stdin_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    control_r, control_w = os.pipe()
    status_r, status_w = os.pipe()
    child_fds = (stdin_r, out_w, err_w, control_r, status_w)
    try:
        pid = os.fork()
    except OSError:
        for fd in (*child_fds, stdin_w, out_r, err_r, control_w, status_r):
            os.close(fd)
        raise
    if pid == 0:
        try:
            _close_others(child_fds)
            _supervise(request, workspace, *child_fds)
        finally:
            os._exit(1)
    for fd in child_fds:
        os.close(fd)
    return pid, (stdin_w, out_r, err_r, control_w, status_r)


def _close_others(keep: Descriptors) -> None:
    # Pipes of other commands and the protocol itself must not live on in this process.
    previous_fd = 2
    for fd in sorted(keep):
        os.closerange(previous_fd + 1, fd)
        previous_fd = fd
    os.closerange(previous_fd + 1, 1024)


def _supervise(
    request: Dict[str, Any],
    workspace: str,
    stdin: int,
    stdout: int,
    stderr: int,
    control: int,
    status: int,
) -> None:
    limits.adopt_orphans()
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_w, False)
    os.set_blocking(wake_r, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    try:
        pid = os.fork()
    except OSError as error:
        os.write(stderr, "repair: cannot run {!r}: {}\n".format(request["argv"][0], error).encode())
        os.write(status, json.dumps({"exit_code": 127, "timed_out": False}).encode())
        os._exit(0)
    if pid == 0:
        _execute(request, workspace, stdin, stdout, stderr)
    for fd in (stdin, stdout, stderr):
        os.close(fd)
    code, timed_out = _wait(pid, request.get("timeout"), control, wake_r)
    end_descendants(set(), group=pid)
    os.write(status, json.dumps({"exit_code": code, "timed_out": timed_out}).encode())
    os._exit(0)


def _wait(
    pid: int, timeout: Optional[float], control: int, wake: int
) -> Tuple[Optional[int], bool]:
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        code = reap(pid)
        if code is not None:
            return code, False
        wait_seconds = None if deadline is None else deadline - time.monotonic()
        if wait_seconds is not None and wait_seconds <= 0:
            return None, True
        readable, _, _ = select.select([control, wake], [], [], wait_seconds)
        if control in readable:  # a word from the guest, or its end
            return -signal.SIGKILL, False
        if wake in readable:
            os.read(wake, 4096)


def reap(main: Optional[int]) -> Optional[int]:
    """Collect every child that ended; return the exit code of `main` if it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == main:
            has_signal = os.WIFSIGNALED(status)
            code = -os.WTERMSIG(status) if has_signal else os.WEXITSTATUS(status)


def _execute(request: Dict[str, Any], workspace: str, stdin: int, stdout: int, stderr: int) -> None:
    argv = request["argv"]
    try:
        os.setsid()
        for source, target in ((stdin, 0), (stdout, 1), (stderr, 2)):
            os.dup2(source, target)
        signal.set_wakeup_fd(-1)
        for name in ("SIGPIPE", "SIGXFSZ", "SIGCHLD", "SIGINT"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        limits.volunteer_for_oom()
        limits.keep_nice()
        os.chdir(os.path.join(workspace, request["cwd"] or ""))
        os.execvpe(argv[0], argv, request["env"])
    except (OSError, ValueError) as error:
        os.write(2, "repair: cannot run {!r}: {}\n".format(argv[0], error).encode())
    finally:
        os._exit(127)


def end_descendants(spare: Set[int], group: Optional[int] = None) -> None:
    """Kill every descendant of this process except the children in `spare` and theirs.

    Returns when none is left, or after `KILL_SECONDS`.
    """
    deadline = time.monotonic() + KILL_SECONDS
    pause = 0.0005
    if group is not None:
        _signal_group(group)
    while _children_left(spare) and time.monotonic() < deadline:
        # Stop before killing: a fork bomb refills every slot that a kill frees.
        stopped_pids: Set[int] = set()
        while True:
            new_pids = set(limits.descendants(os.getpid(), spare)) - stopped_pids
            if not new_pids or time.monotonic() > deadline:
                break
            for pid in new_pids:
                kill(pid, signal.SIGSTOP)
            stopped_pids |= new_pids
        for pid in stopped_pids:
            kill(pid, signal.SIGKILL)
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _children_left(spare: Set[int]) -> bool:
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
    except ChildProcessError:
        return False
    if not spare:
        return True
    return bool(limits.descendants(os.getpid(), spare))


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _signal_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
