"""A tunnel to a server, once the client's hello says that it is for the host that was checked."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

from sandbox.egress.client_hello import NotTls, asks_again, second_name, server_name
from sandbox.egress.dial import IDLE_TIMEOUT_SECONDS, Refused
from sandbox.egress.fetch import hang_up
from sandbox.session.streams import Stream, TooMuch

CHUNK_BYTES = 64 * 1024
HELLO_TIMEOUT_SECONDS = 30.0


def open_tunnel(stream: Stream, connection: socket.socket, host: str, hello_start: bytes) -> None:
    """Pass on the hello of the client, and a second one where the server asks for it.

    Raises Refused where one is for another host, OSError. `hello_start` holds bytes
    that came before the tunnel stood.
    """
    stream.on_break(partial(hang_up, connection))
    connection.sendall(_read_hello(stream, host, hello_start, server_name))
    answer = b""
    while (needs_second_hello := asks_again(answer)) is None:
        piece = connection.recv(CHUNK_BYTES)
        if not piece:
            break
        answer += piece
    stream.sendall(answer, IDLE_TIMEOUT_SECONDS)
    if needs_second_hello:
        connection.sendall(_read_hello(stream, host, b"", second_name))


def _read_hello(
    stream: Stream, host: str, hello_start: bytes, name_in: Callable[[bytes], str | None]
) -> bytes:
    deadline = time.monotonic() + HELLO_TIMEOUT_SECONDS
    data = hello_start
    try:
        while (name := name_in(data)) is None:
            piece = stream.recv(CHUNK_BYTES, max(deadline - time.monotonic(), 0.0))
            if not piece:
                raise ConnectionError("the client left before it said anything")
            data += piece
    except NotTls as error:
        raise Refused(f"a tunnel to {host} was refused: {error}; only TLS may go there") from None
    if name != ("" if _is_address(host) else host):
        raise Refused(f"a tunnel to {host} was refused: its TLS is for another server")
    return data


def pump(stream: Stream, connection: socket.socket) -> None:
    """Carry bytes both ways until both have ended, or one breaks. Raises TooMuch, OSError."""
    too_much: list[TooMuch] = []
    upwards = threading.Thread(target=_up, args=(stream, connection, too_much), daemon=True)
    upwards.name = f"{threading.current_thread().name}-up"
    upwards.start()
    try:
        while data := connection.recv(CHUNK_BYTES):
            stream.sendall(data, IDLE_TIMEOUT_SECONDS)
        stream.end()
    finally:
        # A server that has ended its side has nothing more to hear.
        stream.break_off()
        upwards.join()
    if too_much:
        raise too_much[0]


def _up(stream: Stream, connection: socket.socket, too_much: list[TooMuch]) -> None:
    try:
        # No patience of its own: a long download says nothing upwards.
        while data := stream.recv(CHUNK_BYTES, None):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except TooMuch as error:
        too_much.append(error)
        hang_up(connection)
    except OSError:
        hang_up(connection)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
