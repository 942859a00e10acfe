"""The forwarding proxy of one build: what each connection from inside asks for, and gets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.egress.dial import Dialer, Refused, Unreachable
from sandbox.egress.fetch import Destination, fetch
from sandbox.egress.private_index import PrivateIndex
from sandbox.egress.request import BadRequest, Request, read_request
from sandbox.egress.rules import HTTP, canonical, split_host
from sandbox.egress.tunnel import open_tunnel, pump
from sandbox.session.streams import Stream, TooMuch

ANSWER_TIMEOUT_SECONDS = 30.0
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """Serves the streams of a build. Safe to use from several threads."""

    dialer: Dialer
    indexes: Mapping[int, PrivateIndex]
    """By the port inside that stands for each."""
    ca_bundle: Path | None = None

    def serve(self, stream: Stream, port: int) -> None:
        """Answer one connection. Raises nothing that a client could cause."""
        try:
            self._serve(stream, port)
        except BadRequest as error:
            _refuse(stream, "400", str(error))
        except Refused as error:
            _refuse(stream, "403", str(error))
        except Unreachable as error:
            _refuse(stream, "502", str(error))
        except TooMuch as error:
            self.dialer.report.refused(str(error))
        except (OSError, EOFError):
            return

    def _serve(self, stream: Stream, port: int) -> None:
        request = read_request(stream)
        if port in self.indexes:
            _without_body(request)
            if not request.target.startswith("/"):
                raise BadRequest("an index is asked for a path")
            self._fetch(stream, request, self.indexes[port].place(request.target))
        elif request.method == "CONNECT":
            self._tunnel(stream, request)
        else:
            _without_body(request)
            self._fetch(stream, request, _place(request))

    def _tunnel(self, stream: Stream, request: Request) -> None:
        try:
            host, port = split_host(request.target)
        except ValueError:
            raise BadRequest("CONNECT takes host:port") from None
        if port is None:
            raise BadRequest("CONNECT takes host:port")
        connection = self.dialer.connect(host, port)
        with connection:
            stream.sendall(ESTABLISHED, ANSWER_TIMEOUT_SECONDS)
            try:
                open_tunnel(stream, connection, host, request.rest)
            except Refused as error:
                self.dialer.report.refused(str(error))
                return
            pump(stream, connection)

    def _fetch(self, stream: Stream, request: Request, destination: Destination) -> None:
        fetch(stream, request, destination, self.dialer, self.ca_bundle)


def _place(request: Request) -> Destination:
    """The destination of a proxy's request: it has the whole URL, whose host alone counts."""
    try:
        parts = urlsplit(request.target)
        host, port = canonical(parts.hostname or ""), parts.port or HTTP
        named_host = split_host(request.headers.get("host", parts.netloc))
    except ValueError:
        raise BadRequest("the URL is malformed") from None
    if parts.scheme != "http" or "@" in parts.netloc:
        raise BadRequest("a proxy is asked for http://host/path, or to CONNECT")
    if (named_host[0], named_host[1] or HTTP) != (host, port):
        raise BadRequest("the URL and the header Host name two hosts")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(scheme="http", host=host, port=port, path=path)


def _without_body(request: Request) -> None:
    if request.method not in ("GET", "HEAD"):
        raise BadRequest("only GET and HEAD are passed on outside of TLS")
    if "transfer-encoding" in request.headers:
        raise BadRequest("a request for a package has no body")
    if request.headers.get("content-length", "0") != "0":
        raise BadRequest("a request for a package has no body")


def _refuse(stream: Stream, code: str, sentence: str) -> None:
    """The sentence stands in the status line, too: that is what pip shows of it."""
    text = " ".join(sentence.encode("ascii", "replace").decode("ascii").split())
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {code} {text}\r\ncontent-type: text/plain\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    with suppress(OSError):
        stream.sendall(head.encode() + body, ANSWER_TIMEOUT_SECONDS)
        stream.end()
