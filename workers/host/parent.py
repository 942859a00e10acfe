"""Processes that end with the one that started them, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2): the kernel sends this signal when the parent dies. Only Linux has it."""


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to end this process with its parent. On Linux only; else it does nothing."""
    if sys.platform != "linux":
        return
    parent_pid = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent_pid:  # it died in between
        os.kill(os.getpid(), number)


def main() -> None:
    """`python -I …/parent.py PROGRAM ARGUMENT…` becomes that program; the wish survives."""
    die_with_parent()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606, TID251 - argv, a full path


if __name__ == "__main__":
    main()
