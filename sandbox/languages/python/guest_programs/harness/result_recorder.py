"""The result of the test that runs now.

Python 3.8+, standard library only.
"""

from __future__ import annotations

import time
from typing import Any, Dict

from .alarm import Alarm
from .event_channel import EventChannel


class ResultRecorder:
    """Sends the result of one test at a time: `start`, changes to `_result`, `end`."""

    def __init__(self, request: Dict[str, Any], channel: EventChannel) -> None:
        self._workspace: str = request["workspace"]
        self._alarm = Alarm(self._workspace, request.get("test_timeout_seconds"), self._overdue)
        self._channel = channel
        self._result: Dict[str, Any] = {}
        self._began = 0.0

    def start(self, test_id: str) -> None:
        self._result = {"id": test_id, "outcome": "passed"}
        self._began = time.monotonic()
        self._channel.emit("start", id=test_id)
        self._alarm.set()

    def end(self) -> None:
        self._alarm.clear()
        self._result["seconds"] = time.monotonic() - self._began
        self._send()

    def _overdue(self, result: Dict[str, Any]) -> None:
        self._result.update(result)
        self._send()

    def _send(self) -> None:
        self.before_result()
        self._channel.emit("result", **self._result)

    def before_result(self) -> None:
        """More about the test that just ended."""

    def failed(self, error: BaseException) -> None:
        """The test that runs has failed with this."""
