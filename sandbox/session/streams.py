"""Byte streams between clients inside a sandbox and threads of ours, over the guest's frames.

What comes from the guest is never believed: how many streams there are and how much of each is
kept is bounded here, and `receive`, which the session's reader calls, never waits for anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.session.frames import Frame

MAX_OPEN_STREAMS = 64
"""At once in one build; further connections wait in the kernel's queue inside."""
_MAX_SERVING_THREADS = 2 * MAX_OPEN_STREAMS
"""Threads of ours: some still end what a client inside has given up already."""
WINDOW_BYTES = 256 * 1024
"""Bytes of one direction of one stream that are on their way."""
CHUNK_BYTES = 64 * 1024
MAX_RECEIVED_BYTES = 16 * 1024**3
MAX_SENT_BYTES = 512 * 1024**2
"""What one build may receive and send in all. Asking for packages takes little."""
Send = Callable[[Mapping[str, Any], bytes], None]
Serve = Callable[["Stream", int], None]


class Meter:
    """Counts the bytes of a whole build."""

    def __init__(
        self, received_bytes: int = MAX_RECEIVED_BYTES, sent_bytes: int = MAX_SENT_BYTES
    ) -> None:
        self._lock = threading.Lock()
        self._left = {"received": received_bytes, "sent": sent_bytes}
        self._most = dict(self._left)

    def count(self, direction: str, size: int) -> None:
        """Count bytes of one direction, `received` or `sent`. Raises TooMuch over the limit."""
        with self._lock:
            self._left[direction] -= size
            if self._left[direction] < 0:
                max_mebibytes = self._most[direction] // 1024**2
                raise TooMuch(
                    f"the build has {direction} more than {max_mebibytes} MiB, which is the limit"
                )


class TooMuch(ConnectionError):
    """The build has used up what it may send or receive; the message says so."""


class Stream:
    """One connection from inside. Each direction may be used by a thread of its own."""

    def __init__(self, number: int, send: Send, meter: Meter) -> None:
        self._number = number
        self._send = send
        self._meter = meter
        self._changed = threading.Condition()
        self._incoming = bytearray()
        self._held = 0
        self._credit = WINDOW_BYTES
        self._ended = False
        self._broken = False
        self._on_break: Callable[[], None] = lambda: None

    def recv(self, size: int, timeout: float | None) -> bytes:
        """Some bytes, b"" at the end. Raises TimeoutError, ConnectionError."""
        with self._changed:
            if not self._changed.wait_for(self._readable, timeout):
                raise TimeoutError("nothing came from the build in time")
            if self._broken:
                raise ConnectionError("the build has dropped the connection")
            data = bytes(self._incoming[:size])
            del self._incoming[:size]
            self._held -= len(data)
        if data:
            self._meter.count("sent", len(data))
            self._tell("ack", size=len(data))
        return data

    def sendall(self, data: bytes, timeout: float) -> None:
        """Send bytes to the client inside.

        Raises TimeoutError where the build does not take it, ConnectionError.
        """
        view = memoryview(data)
        while view:
            with self._changed:
                if not self._changed.wait_for(lambda: self._credit or self._broken, timeout):
                    raise TimeoutError("the build does not take what it asked for")
                if self._broken:
                    raise ConnectionError("the build has dropped the connection")
                size = min(self._credit, len(view), CHUNK_BYTES)
                self._credit -= size
            self._meter.count("received", size)
            self._tell("data", bytes(view[:size]))
            view = view[size:]

    def end(self) -> None:
        """End the sending direction: nothing more is sent."""
        self._tell("end")

    def close(self) -> None:
        self._tell("close")

    def on_break(self, action: Callable[[], None]) -> None:
        """Have `action` called when the connection breaks, so that a thread that waits for it wakes
        up."""
        with self._changed:
            self._on_break, is_broken = action, self._broken
        if is_broken:
            action()

    def break_off(self) -> None:
        with self._changed:
            if self._broken:
                return
            self._broken = True
            self._changed.notify_all()
            action = self._on_break
        action()

    def feed(self, header: Mapping[str, Any], body: bytes) -> bool:
        """Take a frame of the guest; False when it breaks the rules."""
        kind, size = header.get("kind"), header.get("size")
        with self._changed:
            if kind == "data":
                if self._ended or self._held + len(body) > WINDOW_BYTES:
                    return False
                self._incoming += body
                self._held += len(body)
            elif kind == "ack":
                if not isinstance(size, int) or not 0 < size <= WINDOW_BYTES - self._credit:
                    return False
                self._credit += size
            elif kind == "end":
                self._ended = True
            else:
                return False
            self._changed.notify_all()
        return True

    def _readable(self) -> bool:
        return bool(self._incoming) or self._ended or self._broken

    def _tell(self, kind: str, body: bytes = b"", **fields: int) -> None:
        self._send({"op": "stream", "stream": self._number, "kind": kind, **fields}, body)


class Streams:
    """All streams of one session. Each is served by a thread of its own."""

    def __init__(self, send: Send, serve: Serve, meter: Meter) -> None:
        self._send = send
        self._serve = serve
        self._meter = meter
        self._lock = threading.Lock()
        self._streams: dict[int, Stream] = {}
        self._closed = False

    def receive(self, frame: Frame) -> None:
        """Take a frame of the guest. Never waits, never raises, keeps only what has room."""
        header, body = frame
        number = header.get("stream")
        if not isinstance(number, int):
            return
        if header.get("kind") == "open":
            self._open(number, header.get("port"))
            return
        with self._lock:
            stream = self._streams.get(number)
        if stream is not None and not stream.feed(header, body):
            stream.break_off()

    def close(self) -> None:
        """Break all streams off. Safe to call twice."""
        with self._lock:
            self._closed = True
            streams = list(self._streams.values())
        for stream in streams:
            stream.break_off()

    def _open(self, number: int, port: object) -> None:
        with self._lock:
            full = len(self._streams) >= _MAX_SERVING_THREADS
            if self._closed or full or number in self._streams or not isinstance(port, int):
                return
            stream = self._streams[number] = Stream(number, self._send, self._meter)
        name = f"egress-{number % 100000}"
        thread = threading.Thread(target=self._run, args=(number, stream, port), name=name)
        thread.daemon = True
        try:
            thread.start()
        except RuntimeError:  # no thread is left: the client inside waits, then gives up
            self._forget(number)

    def _run(self, number: int, stream: Stream, port: int) -> None:
        try:
            self._serve(stream, port)
        finally:
            stream.break_off()
            self._forget(number)
            stream.close()

    def _forget(self, number: int) -> None:
        with self._lock:
            self._streams.pop(number, None)
