"""Numbered requests to a guest, and the answers to each."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.session.bootstrap import guest_source
from sandbox.session.channel import Channel
from sandbox.session.frames import Frame, encode, read_frame


class Answers:
    """Frames for one request, and the end of the channel as None for ever."""

    def __init__(self) -> None:
        self.frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()

    def get(self, timeout: float | None) -> Frame | None:
        frame = self.frames.get(timeout=timeout)
        if frame is None:
            self.frames.put(None)
        return frame


def _no_streams(_frame: Frame) -> None:
    """Most guests carry no connections; what they say of any is dropped."""


class GuestRequests:
    """Sends requests over a channel and sorts what comes back. Safe to use from several threads."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ids = itertools.count(1)
        self._answers: dict[int, Answers] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self.on_stream: Callable[[Frame], None] = _no_streams
        """Called by the reader for frames of connections; it must not wait."""
        self._reader = threading.Thread(target=self._read_frames, name="guest", daemon=True)

    def begin(self) -> None:
        """Send the guest's source and listen."""
        self._write(guest_source())
        self._reader.start()

    def expect(self) -> tuple[int, Answers]:
        """The number for a new request, and where its answers will be."""
        number, answers = next(self._ids), Answers()
        with self._lock:
            self._answers[number] = answers
            if self._ended.is_set():
                answers.frames.put(None)
        return number, answers

    def forget(self, number: int) -> None:
        with self._lock:
            self._answers.pop(number, None)

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        self.send_all([(header, body)])

    def send_all(self, frames: Iterable[Frame]) -> None:
        """Send frames that no other request may come between."""
        with self._writing:
            for header, body in frames:
                self._write(encode(header, body))

    def join(self, timeout_seconds: float) -> None:
        """Wait until nothing is read any more; the channel is closed."""
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join(timeout_seconds)

    def _write(self, data: bytes) -> None:
        # A guest that is gone shows as the end of the answers: one place tells why.
        try:
            self._channel.write(data)
        except (OSError, ValueError):
            self._ended.wait(1.0)

    def _read_frames(self) -> None:
        try:
            while True:
                self._dispatch(read_frame(self._channel.read))
        except (EOFError, OSError, ValueError, TypeError, KeyError, RecursionError, MemoryError):
            pass
        self._ended.set()
        with self._lock:
            answer_queues = list(self._answers.values())
        for answers in answer_queues:
            answers.frames.put(None)

    def _dispatch(self, frame: Frame) -> None:
        header, _ = frame
        if "stream" in header:
            self.on_stream(frame)
            return
        with self._lock:
            answers = self._answers.get(header["id"])
        if answers is not None:
            answers.frames.put(frame)
