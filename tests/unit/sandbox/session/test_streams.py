"""The host's side of a build's connections against a guest that keeps no rule."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.session.frames import encode
from sandbox.session.guest_requests import GuestRequests
from sandbox.session.streams import (
    CHUNK_BYTES,
    MAX_OPEN_STREAMS,
    WINDOW_BYTES,
    Meter,
    Stream,
    Streams,
    TooMuch,
)

PATIENCE = 10.0


class Told:
    """Keeps what would go to the guest."""

    def __init__(self) -> None:
        self.frames: list[tuple[Mapping[str, Any], bytes]] = []
        self.closed = threading.Event()

    def send(self, header: Mapping[str, Any], body: bytes) -> None:
        self.frames.append((header, body))
        if header["kind"] == "close":
            self.closed.set()


def opened(serve: Any, meter: Meter | None = None) -> tuple[Streams, Told]:
    told = Told()
    streams = Streams(told.send, serve, meter or Meter())
    streams.receive(({"stream": 1, "kind": "open", "port": 3128}, b""))
    return streams, told


def test_a_stream_keeps_no_more_than_its_window() -> None:
    errors: list[Exception] = []
    entered, go_on = threading.Event(), threading.Event()

    def serve(stream: Stream, _port: int) -> None:
        entered.set()
        go_on.wait(PATIENCE)
        try:
            stream.recv(1, PATIENCE)
        except ConnectionError as error:
            errors.append(error)

    streams, told = opened(serve)
    assert entered.wait(PATIENCE)
    streams.receive(({"stream": 1, "kind": "data"}, b"x" * WINDOW_BYTES))
    streams.receive(({"stream": 1, "kind": "data"}, b"x"))
    go_on.set()
    assert told.closed.wait(PATIENCE)
    assert len(errors) == 1


@pytest.mark.parametrize("size", [WINDOW_BYTES + 1, 0, -1, None, "5", 1.5, [], 10**30])
def test_an_acknowledgement_of_what_was_not_sent_ends_the_stream(size: object) -> None:
    broken = threading.Event()

    def serve(stream: Stream, _port: int) -> None:
        stream.on_break(broken.set)
        broken.wait(PATIENCE)

    streams, told = opened(serve)
    streams.receive(({"stream": 1, "kind": "ack", "size": size}, b""))
    assert broken.wait(PATIENCE)
    assert told.closed.wait(PATIENCE)


def test_nothing_is_sent_beyond_the_window() -> None:
    met: list[Exception] = []

    def serve(stream: Stream, _port: int) -> None:
        try:
            stream.sendall(b"x" * (WINDOW_BYTES + 1), 0.01)
        except TimeoutError as error:
            met.append(error)

    _, told = opened(serve)
    assert told.closed.wait(PATIENCE)
    bodies = [body for header, body in told.frames if header["kind"] == "data"]
    assert (sum(map(len, bodies)), max(map(len, bodies))) == (WINDOW_BYTES, CHUNK_BYTES)
    assert len(met) == 1


def test_the_number_of_streams_is_bounded() -> None:
    go_on = threading.Event()
    served: list[int] = []

    def serve(_stream: Stream, port: int) -> None:
        served.append(port)
        go_on.wait(PATIENCE)

    streams, _ = opened(serve)
    for number in range(2, 5000):
        streams.receive(({"stream": number, "kind": "open", "port": number}, b""))
        streams.receive(({"stream": number, "kind": "open", "port": number}, b""))
    assert len(streams._streams) == 2 * MAX_OPEN_STREAMS
    go_on.set()
    streams.close()
    streams.receive(({"stream": 6000, "kind": "open", "port": 1}, b""))
    assert 6000 not in streams._streams
    assert len(served) <= 2 * MAX_OPEN_STREAMS


def test_a_build_that_receives_or_sends_too_much() -> None:
    met: list[str] = []

    def serve(stream: Stream, _port: int) -> None:
        for action in (lambda: stream.recv(9, PATIENCE), lambda: stream.sendall(b"x" * 9, 1.0)):
            try:
                action()
            except TooMuch as error:
                met.append(str(error))

    streams, told = opened(serve, Meter(received_bytes=8, sent_bytes=8))
    streams.receive(({"stream": 1, "kind": "data"}, b"x" * 9))
    assert told.closed.wait(PATIENCE)
    assert [text.split()[3] for text in met] == ["sent", "received"]


class Guest:
    """A channel that says what a test wants and then ends."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def read(self, size: int) -> bytes:
        piece, self._said = self._said[:size], self._said[size:]
        return piece

    def write(self, data: bytes) -> None:
        """Nobody listens."""


def raw(header: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">II", len(header), len(body)) + header + body


@pytest.mark.parametrize(
    "said",
    [
        raw(b"[" * 200_000),
        raw(b'["stream"]'),
        raw(b'"stream"'),
        raw(b"null"),
        raw(b'{"stream": {"a": 1}}'),
        raw(b"\xff\xfe"),
        raw(json.dumps({"id": [1]}).encode()),
        struct.pack(">II", 2**31, 2**31),
    ],
)
def test_frames_that_are_none_end_the_conversation(said: bytes) -> None:
    conversation = GuestRequests(Guest(said))  # type: ignore[arg-type]
    conversation.begin()
    conversation.join(PATIENCE)
    _, answers = conversation.expect()
    assert answers.get(PATIENCE) is None


def test_garbage_about_streams_keeps_nothing_and_stops_nothing() -> None:
    garbage: list[dict[str, Any]] = [
        {"stream": value, "kind": kind}
        for value in (None, -1, 10**40, "1", [], {}, 1.5, True, 7)
        for kind in ("open", "data", "ack", "end", "close", None, [], 3)
    ]
    frames = b"".join(encode(header, b"x" * 100) for header in garbage)
    conversation = GuestRequests(Guest(frames + encode({"id": 1, "event": "answer"})))  # type: ignore[arg-type]
    streams = Streams(Told().send, lambda *_: None, Meter())
    conversation.on_stream = streams.receive
    number, answers = conversation.expect()
    assert number == 1
    conversation.begin()
    assert answers.get(PATIENCE) is not None
    conversation.join(PATIENCE)
    assert len(streams._streams) == 0
