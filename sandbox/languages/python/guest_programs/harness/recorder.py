"""The result of the test that runs now, and the alarm that ends one that runs too long.

Python 3.8+, standard library only.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional

from .event_channel import Channel

MAX_WAITING_SHARE = 0.05
"""Of the time that a test took, the processor time of one that only waits."""


class Recorder:
    """Sends the result of one test at a time: `start`, changes to `_result`, `end`."""

    def __init__(self, request: Dict[str, Any], channel: Channel) -> None:
        self._workspace: str = request["workspace"]
        self._limit: Optional[float] = request.get("test_timeout_seconds")
        self._channel = channel
        self._result: Dict[str, Any] = {}
        self._began = 0.0
        self._cpu_began = 0.0

    def start(self, test_id: str) -> None:
        self._result = {"id": test_id, "outcome": "passed"}
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        self._channel.emit("start", id=test_id)
        if self._limit:
            signal.signal(signal.SIGALRM, self._overdue)
            signal.setitimer(signal.ITIMER_REAL, self._limit)

    def end(self) -> None:
        if self._limit:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._result["seconds"] = time.monotonic() - self._began
        self.before_result()
        self._channel.emit("result", **self._result)

    def _overdue(self, _number: int, frame: Any) -> None:
        """The test ran too long: say where it stands and leave; the host starts again."""
        sys.setrecursionlimit(sys.getrecursionlimit() + 500)
        stack: List[Any] = []
        while frame is not None and len(stack) < 10_000:
            stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        prefix = self._workspace.rstrip("/") + "/"
        frames = [(p[len(prefix) :], n, f) for p, n, f in stack if p.startswith(prefix)][:40]
        message = "no end after {:g} s".format(self._limit or 0.0)
        self._result.update(outcome="timed_out", message=message, frames=frames[::-1])
        seconds = self._result["seconds"] = time.monotonic() - self._began
        if stack and not stack[0][0].startswith(prefix):
            if time.process_time() - self._cpu_began < MAX_WAITING_SHARE * seconds:
                self._result["waits"] = "{} ({}, line {})".format(
                    stack[0][2], os.path.basename(stack[0][0]), stack[0][1]
                )
        self.before_result()
        self._channel.emit("result", **self._result)
        os._exit(0)

    def before_result(self) -> None:
        """More about the test that just ended."""

    def failed(self, error: BaseException) -> None:
        """The test that runs has failed with this."""
