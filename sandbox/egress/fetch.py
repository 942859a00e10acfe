"""One GET or HEAD that the host makes for a build: over plain HTTP, or with credentials."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from sandbox.egress.dial import IDLE_TIMEOUT_SECONDS, Dialer, Unreachable
from sandbox.egress.request import ByteStream, Request

CHUNK_BYTES = 64 * 1024
MAX_PAGE_BYTES = 64 * 1024 * 1024
"""The largest index page; the whole of PyPI's list of names is half of that."""
_PASSED_ON_HEADERS = (
    "accept",
    "user-agent",
    "range",
    "if-none-match",
    "if-modified-since",
    "if-range",
)
_DROPPED_HEADERS = frozenset(
    (
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "alt-svc"),
        *("proxy-authenticate", "proxy-authorization", "www-authenticate", "set-cookie"),
        "content-length",
    )
)
_PAGE_TYPES = ("text/html", "application/vnd.pypi.simple", "application/json")
Rewrite = Callable[[bytes], bytes]


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a request goes, and what is added to it that the build does not see."""

    scheme: str
    host: str
    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    rewrite_page: Rewrite | None = None
    rewrite_redirect: Rewrite | None = None

    @property
    def name(self) -> str:
        """The host and port as a Host header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def fetch(
    stream: ByteStream,
    request: Request,
    destination: Destination,
    dialer: Dialer,
    ca_bundle: Path | None,
) -> None:
    """Answer `request` with what is at `destination`. Raises Refused, Unreachable, OSError."""
    connection = dialer.connect(destination.host, destination.port)
    try:
        try:
            if destination.scheme == "https":
                context = ssl.create_default_context(cafile=str(ca_bundle) if ca_bundle else None)
                connection = context.wrap_socket(connection, server_hostname=destination.host)
            connection.sendall(_head(request, destination))
            response = HTTPResponse(connection, method=request.method)
            response.begin()
        except (OSError, HTTPException) as error:
            sentence = f"{destination.host} cannot be used: {' '.join(str(error).split())[:200]}"
            dialer.report.unreachable(sentence)
            raise Unreachable(sentence) from error
        stream.on_break(partial(hang_up, connection))
        with response:
            _answer(stream, request, response, destination)
    except HTTPException as error:  # the body ends too early: so does the answer
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def hang_up(connection: socket.socket) -> None:
    """Wake up whoever waits for this connection, in whichever thread."""
    with suppress(OSError):
        # Of the socket itself: that of TLS would take the session from under its reader.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _head(request: Request, destination: Destination) -> bytes:
    """Made anew: nothing but these few headers of the build's reaches the host."""
    headers = {
        name: request.headers[name] for name in _PASSED_ON_HEADERS if name in request.headers
    }
    headers |= {"accept-encoding": "identity", "connection": "close", **destination.headers}
    lines = [f"{request.method} {destination.path} HTTP/1.1", f"host: {destination.name}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _answer(
    stream: ByteStream, request: Request, response: HTTPResponse, destination: Destination
) -> None:
    headers = list(_kept(response, destination))
    size = response.length
    pieces: Iterator[bytes] = iter(lambda: response.read(CHUNK_BYTES), b"")
    kind = (response.getheader("content-type") or "").lower()
    if request.method == "HEAD":
        size, pieces = _length(response), iter(())
    elif destination.rewrite_page is not None and kind.startswith(_PAGE_TYPES):
        page = response.read(MAX_PAGE_BYTES + 1)
        if len(page) > MAX_PAGE_BYTES:
            raise OSError("the index's page is too large")
        page = destination.rewrite_page(page)
        size, pieces = len(page), iter([page] if page else [])
    _send(stream, request, response, headers, size, pieces)


def _kept(response: HTTPResponse, destination: Destination) -> Iterator[tuple[str, str]]:
    for name, value in response.getheaders():
        if name.lower() in _DROPPED_HEADERS or "\n" in value or "\r" in value:
            continue
        if destination.rewrite_redirect is not None and name.lower() == "location":
            value = destination.rewrite_redirect(value.encode("latin-1", "replace")).decode(
                "latin-1"
            )
        yield name, value


def _length(response: HTTPResponse) -> int | None:
    length = response.getheader("content-length") or ""
    return int(length) if length.isdecimal() else None


def _send(
    stream: ByteStream,
    request: Request,
    response: HTTPResponse,
    headers: list[tuple[str, str]],
    size: int | None,
    pieces: Iterator[bytes],
) -> None:
    """Send an answer with a length, or in chunks: so that the client can tell a body that was cut
    short."""
    bodiless = request.method == "HEAD" or response.status in (204, 304)
    is_chunked = size is None and request.newer and not bodiless
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in [*headers, ("connection", "close")]]
    if size is not None and (not bodiless or request.method == "HEAD"):
        lines.append(f"content-length: {size}")
    elif is_chunked:
        lines.append("transfer-encoding: chunked")
    stream.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"), IDLE_TIMEOUT_SECONDS)
    for piece in pieces:
        data = b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece
        stream.sendall(data, IDLE_TIMEOUT_SECONDS)
    if is_chunked:
        stream.sendall(b"0\r\n\r\n", IDLE_TIMEOUT_SECONDS)
