"""The alarm that ends a process in which one test runs too long.

Python 3.8+, standard library only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional

MAX_WAITING_SHARE = 0.05
"""Of the time that a test took, the processor time of one that only waits."""


class Alarm:
    """Set for one test at a time: `report` hears where it stands when its time is over."""

    def __init__(
        self,
        workspace: str,
        limit_seconds: Optional[float],
        report: Callable[[Dict[str, Any]], None],
    ) -> None:
        self._prefix = workspace.rstrip("/") + "/"
        self._limit_seconds = limit_seconds
        self._report = report
        self._began = 0.0
        self._cpu_began = 0.0

    def set(self) -> None:
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        if self._limit_seconds:
            signal.signal(signal.SIGALRM, self._overdue)
            signal.setitimer(signal.ITIMER_REAL, self._limit_seconds)

    def clear(self) -> None:
        if self._limit_seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _overdue(self, _number: int, frame: Any) -> None:
        """The test ran too long: say where it stands and leave; the host starts again."""
        sys.setrecursionlimit(sys.getrecursionlimit() + 500)
        stack: List[Any] = []
        while frame is not None and len(stack) < 10_000:
            stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        prefix = self._prefix
        frames = [(p[len(prefix) :], n, f) for p, n, f in stack if p.startswith(prefix)][:40]
        message = "no end after {:g} s".format(self._limit_seconds or 0.0)
        seconds = time.monotonic() - self._began
        result = {
            "outcome": "timed_out",
            "message": message,
            "frames": frames[::-1],
            "seconds": seconds,
        }
        if stack and not stack[0][0].startswith(prefix):
            if time.process_time() - self._cpu_began < MAX_WAITING_SHARE * seconds:
                result["waits"] = "{} ({}, line {})".format(
                    stack[0][2], os.path.basename(stack[0][0]), stack[0][1]
                )
        self._report(result)
        os._exit(0)
