"""The head of an HTTP request that something in a build made, read strictly."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

MAX_HEAD_BYTES = 32 * 1024
HEAD_TIMEOUT_SECONDS = 30.0
"""For the whole head, so that a trickle does not hold a stream."""
MAX_HEADERS = 100
_LINE = re.compile(r"([A-Z]{1,16}) ([\x21-\x7e]{1,16384}) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_UNIQUE_HEADERS = ("host", "content-length", "transfer-encoding")


class ByteStream(Protocol):
    """What a request is read from and answered on."""

    def recv(self, size: int, timeout: float | None) -> bytes: ...

    def sendall(self, data: bytes, timeout: float) -> None: ...

    def on_break(self, action: Callable[[], None]) -> None: ...


class BadRequest(ValueError):
    """The request is malformed; the message says how, for the answer."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request line and its headers, names in lower case."""

    method: str
    target: str
    newer: bool
    """HTTP/1.1, not 1.0."""
    headers: Mapping[str, str]
    rest: bytes
    """What came behind the head."""


def read_request(stream: ByteStream) -> Request:
    """Read the head of one HTTP request.

    Raises BadRequest, OSError; EOFError where the client left without asking anything.
    """
    deadline = time.monotonic() + HEAD_TIMEOUT_SECONDS
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > MAX_HEAD_BYTES:
            raise BadRequest("the head of the request is too long")
        try:
            piece = stream.recv(MAX_HEAD_BYTES, max(deadline - time.monotonic(), 0.0))
        except TimeoutError:
            raise BadRequest("the head of the request took too long") from None
        if not piece:
            raise BadRequest("the request ends in its head") if data else EOFError
        data += piece
    head, _, body_start = data.partition(b"\r\n\r\n")
    return _parse(head.decode("latin-1").split("\r\n"), body_start)


def _parse(lines: list[str], body_start: bytes) -> Request:
    match = _LINE.fullmatch(lines[0])
    if match is None:
        raise BadRequest("this is no HTTP request")
    if len(lines) > MAX_HEADERS:
        raise BadRequest("too many headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise BadRequest("a header is malformed")
        name = header[1].lower()
        if name in headers and name in _UNIQUE_HEADERS:
            raise BadRequest(f"the header {name} comes twice")
        headers[name] = header[2].strip()
    return Request(
        method=match[1], target=match[2], newer=match[3] == "1", headers=headers, rest=body_start
    )
