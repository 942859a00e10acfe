"""Guest code: what listens on the sandbox's own loopback and carries bytes to the host.

A build has no network but this. The host decides where each stream leads; here nothing is
decided. Both directions have a window, so neither side keeps more than that of a stream.
"""

from __future__ import annotations

import functools
import selectors
import socket
from typing import TYPE_CHECKING, Any, Dict, List

if TYPE_CHECKING:
    from .main import Guest

CHUNK_BYTES = 65536


class Stream:
    """One connection that something inside made to the relay."""

    def __init__(self, relay: Relay, number: int, connection: socket.socket) -> None:
        self.relay = relay
        self.number = number
        self.connection = connection
        self.incoming = bytearray()
        self.outstanding = 0
        self.reading = True
        self.ending = False
        self.closing = False
        self.events = 0

    def update(self) -> None:
        """Wait for exactly what can be done now."""
        if self.number not in self.relay.streams:
            return
        events = 0
        if self.reading and self.outstanding < self.relay.window:
            events |= selectors.EVENT_READ
        if self.incoming:
            events |= selectors.EVENT_WRITE
        if events == self.events:
            return
        selector = self.relay.guest.selector
        if not events:
            selector.unregister(self.connection)
        elif self.events:
            selector.modify(self.connection, events, self.on_ready)
        else:
            selector.register(self.connection, events, self.on_ready)
        self.events = events

    def on_ready(self) -> None:
        try:
            if self.incoming:
                self.flush()
            if self.reading and self.outstanding < self.relay.window:
                self.pull()
        except BlockingIOError:
            pass
        except OSError:
            self.relay.drop(self)
            return
        self.update()

    def pull(self) -> None:
        try:
            data = self.connection.recv(min(CHUNK_BYTES, self.relay.window - self.outstanding))
        except BlockingIOError:
            return
        if data:
            self.outstanding += len(data)
            self.relay.tell(self.number, "data", data)
        else:
            self.reading = False
            self.relay.tell(self.number, "end")

    def flush(self) -> None:
        sent_bytes = self.connection.send(self.incoming[: CHUNK_BYTES * 4])
        del self.incoming[:sent_bytes]
        self.relay.tell(self.number, "ack", size=sent_bytes)
        self.end()

    def end(self) -> None:
        """Close the connection once all is written: half a close where the host has ended, a whole
        one where it says."""
        if self.incoming:
            return
        if self.closing:
            self.relay.drop(self)
        elif self.ending:
            self.connection.shutdown(socket.SHUT_WR)

    def take(self, kind: str, request: Dict[str, Any], body: bytes) -> None:
        """Do what the host asks for this stream."""
        if kind == "data":
            self.incoming += body
        elif kind == "ack":
            self.outstanding -= request["size"]
        else:
            self.ending = True
            if kind == "close":
                self.closing, self.reading = True, False
            self.end()
        self.update()


class Relay:
    """Listens on ports of the loopback; each connection becomes a stream to the host."""

    def __init__(self, guest: Guest, ports: List[int], streams: int, window: int) -> None:
        self.guest = guest
        self.most = streams
        self.window = window
        self.streams: Dict[int, Stream] = {}
        self.made = 0
        self.listening = False
        self.listeners = [self._listener(port) for port in ports]
        self._listen()

    def _listener(self, port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        listener.setblocking(False)
        return listener

    def _listen(self) -> None:
        """Accept while there is room; what comes meanwhile waits in the kernel's queue."""
        has_room = len(self.streams) < self.most
        if has_room == self.listening:
            return
        self.listening = has_room
        for listener in self.listeners:
            if has_room:
                accept = functools.partial(self._accept, listener)
                self.guest.selector.register(listener, selectors.EVENT_READ, accept)
            else:
                self.guest.selector.unregister(listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        if len(self.streams) >= self.most:
            connection.close()
            return
        connection.setblocking(False)
        self.made += 1
        self.tell(self.made, "open", port=connection.getsockname()[1])
        stream = self.streams[self.made] = Stream(self, self.made, connection)
        stream.update()
        self._listen()

    def tell(self, number: int, kind: str, body: bytes = b"", **fields: int) -> None:
        self.guest.channel.send(dict(fields, stream=number, kind=kind), body)

    def receive(self, request: Dict[str, Any], body: bytes) -> None:
        """Dispatch a frame of the host to its stream, if that is still there."""
        stream = self.streams.get(request["stream"])
        if stream is None:
            return
        try:
            stream.take(request["kind"], request, body)
        except OSError:
            self.drop(stream)

    def drop(self, stream: Stream) -> None:
        """Forget a stream that is done, or whose connection broke."""
        if self.streams.pop(stream.number, None) is None:
            return
        if stream.events:
            self.guest.selector.unregister(stream.connection)
        stream.connection.close()
        self.tell(stream.number, "close")
        self._listen()
