"""Connections through the user's own proxy, and to nobody else."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from sandbox.egress.dial import Dialer, Refused, Unreachable
from sandbox.egress.rules import make_rules
from sandbox.egress_report import EgressReport

PUBLIC = "198.51.100.7"


@contextmanager
def user_proxy(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that answers one CONNECT, and then echoes one message."""
    heads: list[bytes] = []

    def serve() -> None:
        try:
            connection, _ = server.accept()
        except OSError:  # nobody came
            return
        with connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            heads.append(head)
            connection.sendall(answer)
            connection.sendall(connection.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], heads
        server.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def dialer(port: int, addresses: Sequence[str], report: EgressReport) -> Dialer:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        if not addresses:
            raise OSError("no such name")
        return addresses

    return Dialer(
        rules=make_rules(("https://pip.corp.test/simple",), ("allowed.test",), public=False),
        report=report,
        upstream=f"http://me:h%40sh@127.0.0.1:{port}",
        resolve=resolve,
    )


# Where only the proxy can look names up, it does; its address and password are the user's.
@pytest.mark.parametrize("addresses", [[PUBLIC], []])
def test_a_tunnel_through_the_users_proxy(addresses: list[str]) -> None:
    report = EgressReport()
    with user_proxy(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n") as (port, heads):
        with dialer(port, addresses, report).connect("pip.corp.test", 443) as connection:
            connection.sendall(b"hello")
            assert connection.recv(100) == b"hello"
        pair = base64.b64encode(b"me:h@sh")
        assert b"CONNECT pip.corp.test:443 HTTP/1.1\r\n" in heads[0]
        assert b"Proxy-Authorization: Basic " + pair + b"\r\n" in heads[0]
    assert report.take().reached


def test_a_proxy_that_says_no() -> None:
    report = EgressReport()
    with (
        user_proxy(b"HTTP/1.1 407 Who are you\r\n\r\n") as (port, _),
        pytest.raises(Unreachable, match="407 Who are you"),
    ):
        dialer(port, [PUBLIC], report).connect("pip.corp.test", 443)
    [told] = report.take().unreachable
    assert "h@sh" not in told
    assert "h%40sh" not in told


@pytest.mark.parametrize("host", ["allowed.test", "elsewhere.test"])
def test_the_proxy_is_not_asked_for_what_is_refused(host: str) -> None:
    with user_proxy(b"") as (port, heads):
        with pytest.raises(Refused):
            dialer(port, ["10.0.0.1"], EgressReport()).connect(host, 443)
        assert heads == []
