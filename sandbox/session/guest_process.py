"""A long-lived command in a sandbox: lines in, lines out."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.base import MEBIBYTE, CommandResult
from sandbox.errors import SandboxDied
from sandbox.session.frames import command_result
from sandbox.session.guest_requests import Answers, GuestRequests

KILL_SECONDS = 10.0
MAX_LINE_BYTES = 64 * MEBIBYTE


class GuestProcess:
    """A long-lived command that the guest runs.

    Implements `sandbox.base.Process`; one thread at a time.
    """

    def __init__(
        self,
        conversation: GuestRequests,
        number: int,
        answers: Answers,
        *,
        died: Callable[[], SandboxDied],
        close: Callable[[], None],
    ) -> None:
        """`died` tells why the sandbox ended, `close` ends one that does not answer."""
        self._conversation = conversation
        self._number = number
        self._answers = answers
        self._died = died
        self._close = close
        self._partial = bytearray()
        self._lines: list[bytes] = []
        self._ended: CommandResult | None = None

    @property
    def result(self) -> CommandResult | None:
        return self._ended

    def send(self, line: bytes) -> None:
        if self._ended is not None:
            raise self._gone()
        self._conversation.send({"op": "send", "id": self._number}, line + b"\n")

    def receive(self, timeout_seconds: float) -> bytes | None:
        deadline = time.monotonic() + timeout_seconds
        while not self._lines:
            if self._ended is not None:
                raise self._gone()
            try:
                frame = self._answers.get(max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if frame is None:
                raise self._died()
            self._take(*frame)
        return self._lines.pop(0)

    def kill(self) -> None:
        if self._ended is not None:
            return
        self._conversation.send({"op": "kill", "id": self._number})
        try:
            while self._ended is None:
                frame = self._answers.get(KILL_SECONDS)
                if frame is None:
                    return
                self._take(*frame)
        except queue.Empty:
            self._close()

    def _take(self, header: Mapping[str, Any], body: bytes) -> None:
        if header.get("event") == "ended":
            output = self._partial.decode("utf-8", "replace")
            self._ended = replace(command_result(header, body), stdout=output)
            self._conversation.forget(self._number)
            return
        self._conversation.send({"op": "ack", "id": self._number, "bytes": len(body)})
        *lines, partial = body.split(b"\n")
        if lines:
            lines[0] = bytes(self._partial) + lines[0]
            self._partial.clear()
        self._lines += lines
        self._partial += partial
        if len(self._partial) > MAX_LINE_BYTES:
            self._partial.clear()
            self._conversation.send({"op": "kill", "id": self._number})

    def _gone(self) -> SandboxDied:
        result = self._ended
        assert result is not None
        reason = "out of memory" if result.out_of_memory else f"exit code {result.exit_code}"
        return SandboxDied(f"the process ended ({reason}): {result.stderr[-2000:]}")
