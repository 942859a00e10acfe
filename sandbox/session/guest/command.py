"""Guest code: one command with its supervisor and its pipes, seen from the event loop."""

from __future__ import annotations

import json
import os
import selectors
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from . import supervisor

if TYPE_CHECKING:
    from .main import Guest

CHUNK_BYTES = 65536
WINDOW_BYTES = 4 << 20  # bytes of a long-lived process's output that the host has not taken yet
SUPERVISOR_GRACE_SECONDS = 6.0  # more than a supervisor needs, less than the host waits


class CappedOutput:
    """Keeps the head and the tail of a stream."""

    def __init__(self, limit: int) -> None:
        self.head_limit = limit - limit // 2
        self.tail_limit = limit // 2
        self.head = bytearray()
        self.tail = bytearray()
        self.cut = 0

    def add(self, data: bytes) -> None:
        room = self.head_limit - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail += data
        if len(self.tail) > self.tail_limit + CHUNK_BYTES * 16:
            self._trim()

    def _trim(self) -> None:
        extra = len(self.tail) - self.tail_limit
        if extra > 0:
            self.cut += extra
            del self.tail[:extra]

    def value(self) -> bytes:
        self._trim()
        marker = b"\n[... %d bytes cut ...]\n" % self.cut if self.cut else b""
        return bytes(self.head) + marker + bytes(self.tail)


class RunningCommand:
    """One command with its supervisor and its pipes, seen from the event loop."""

    def __init__(
        self, guest: Guest, request: Dict[str, Any], stdin: bytes, streaming: bool
    ) -> None:
        self.guest = guest
        self.id: int = request["id"]
        self.streaming = streaming
        self.stdin = bytearray(stdin)
        self.outstanding = 0
        limit = request["output_bytes"]
        self.out, self.err = CappedOutput(limit), CappedOutput(limit)
        self.ooms = guest.oom_kills()
        self.started = time.monotonic()
        self.killed = False
        self.ended = False
        timeout = request.get("timeout")
        self.overdue: Optional[float] = (
            None if timeout is None else self.started + timeout + SUPERVISOR_GRACE_SECONDS
        )
        self.pid, fds = supervisor.launch(request, guest.workspace)
        self.stdin_fd: Optional[int] = fds[0]
        self.out_fd, self.err_fd, self.control_fd, self.status_fd = fds[1:]
        for fd in fds:
            os.set_blocking(fd, False)
        self._watch(self.out_fd, self.on_output)
        self._watch(self.err_fd, self.on_error)
        self._watch(self.status_fd, self.on_status)
        if self.stdin:
            self._watch(fds[0], self.on_stdin, selectors.EVENT_WRITE)
        elif not streaming:
            self._close_stdin()

    def _watch(
        self, fd: int, callback: Callable[[], Any], events: int = selectors.EVENT_READ
    ) -> None:
        self.guest.selector.register(fd, events, callback)

    def _unwatch(self, fd: int) -> None:
        if fd in self.guest.selector.get_map():
            self.guest.selector.unregister(fd)

    def _close_stdin(self) -> None:
        if self.stdin_fd is not None:
            self._unwatch(self.stdin_fd)
            os.close(self.stdin_fd)
            self.stdin_fd = None

    def on_stdin(self) -> None:
        if self.stdin_fd is None:
            return
        try:
            del self.stdin[: os.write(self.stdin_fd, self.stdin[: CHUNK_BYTES * 4])]
        except BlockingIOError:
            return
        except OSError:
            self.stdin.clear()
            self._close_stdin()
            return
        if not self.stdin:
            self._unwatch(self.stdin_fd)
            if not self.streaming:
                self._close_stdin()

    def feed(self, data: bytes) -> None:
        """Queue bytes for the command's stdin."""
        if self.stdin_fd is None:
            return
        if not self.stdin:
            self._watch(self.stdin_fd, self.on_stdin, selectors.EVENT_WRITE)
        self.stdin += data

    def on_output(self) -> bool:
        """Take what stdout has; True when there was something."""
        data = self._read(self.out_fd)
        if data and self.streaming:
            self.guest.channel.send({"id": self.id, "event": "output"}, data)
            self.outstanding += len(data)
            if self.outstanding >= WINDOW_BYTES:
                self._unwatch(self.out_fd)
        elif data:
            self.out.add(data)
        return bool(data)

    def acknowledge(self, size: int) -> None:
        """The host has taken `size` bytes of the output."""
        is_paused = self.outstanding >= WINDOW_BYTES
        self.outstanding -= size
        if is_paused and self.outstanding < WINDOW_BYTES and not self.ended:
            self._watch(self.out_fd, self.on_output)

    def on_error(self) -> bool:
        """Take what stderr has; True when there was something."""
        data = self._read(self.err_fd)
        self.err.add(data)
        return bool(data)

    def _read(self, fd: int) -> bytes:
        try:
            data = os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            self._unwatch(fd)
        return data

    def kill(self) -> None:
        """Ask the supervisor to end it; `on_status` follows."""
        self.killed = True
        self.overdue = time.monotonic() + SUPERVISOR_GRACE_SECONDS
        try:
            os.write(self.control_fd, b"k")
        except OSError:
            pass

    def on_status(self) -> None:
        try:
            text = os.read(self.status_fd, 4096)
        except BlockingIOError:
            return
        # No word from the supervisor: the code under test killed it, and orphaned the rest.
        status = json.loads(text) if text else {"exit_code": -9, "timed_out": False}
        if not text:
            self.guest.end_orphans(self.pid)
        # What is left in the pipes; the bound is for one that something still writes to.
        for callback in (self.on_output, self.on_error):
            for _ in range(64):
                if not callback():
                    break
        if self.overdue is not None and time.monotonic() > self.overdue and not self.killed:
            status["timed_out"] = True
        self._finish(status)

    def check(self) -> None:
        """The code under test can stop its supervisor; then the time-out is ours to enforce."""
        if self.overdue is not None and time.monotonic() > self.overdue:
            supervisor.kill(self.pid)

    def _finish(self, status: Dict[str, Any]) -> None:
        self._close_stdin()
        for fd in (self.out_fd, self.err_fd, self.status_fd, self.control_fd):
            self._unwatch(fd)
            os.close(fd)
        self.ended = True
        del self.guest.commands[self.id]
        out_of_memory = self.guest.oom_kills() > self.ooms
        exit_code = status["exit_code"]
        if status["timed_out"] or (out_of_memory and exit_code in (-9, 137)):
            exit_code = None
        stdout, stderr = self.out.value(), self.err.value()
        header = {
            "id": self.id,
            "event": "ended",
            "exit_code": exit_code,
            "timed_out": status["timed_out"],
            "out_of_memory": out_of_memory,
            "seconds": time.monotonic() - self.started,
            "stdout_bytes": len(stdout),
        }
        self.guest.channel.send(header, stdout + stderr)
