"""The first message of a TLS connection: which server it says that it is for.

Package hosts share their addresses with everybody else's sites at the same delivery network, so
a checked name and a checked address are not enough: this is what picks the site.
"""

from __future__ import annotations

from collections.abc import Iterator

HANDSHAKE, CLIENT_HELLO, SERVER_NAME, ENCRYPTED_HELLO = 22, 1, 0, 0xFE0D
MAX_HELLO_BYTES = 64 * 1024

_CHANGE_CIPHER = b"\x14\x03\x03\x00\x01\x01"
_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""In the place of a server's random bytes: say hello again, differently (RFC 8446, 4.1.3)."""


class NotTls(ValueError):
    """What comes is no client's first message of TLS, or hides whom it is for."""


def server_name(data: bytes) -> str | None:
    """The name in a client's hello; "" where it has none, None while more bytes are needed.

    Raises NotTls.
    """
    hello = _hello(data)
    if hello is None:
        return None
    try:
        return _name(dict(_extensions(hello)))
    except IndexError:
        raise NotTls("the client's hello is malformed") from None


def second_name(data: bytes) -> str | None:
    """The server name of a second hello, which a record without meaning may precede."""
    if len(data) < len(_CHANGE_CIPHER) and _CHANGE_CIPHER.startswith(data):
        return None
    return server_name(data.removeprefix(_CHANGE_CIPHER))


def asks_again(answer: bytes) -> bool | None:
    """Whether a server's first answer asks for a second hello; None while bytes are missing."""
    if answer[:1] not in (b"", bytes([HANDSHAKE])):
        return False
    if len(answer) < 5 or len(answer) < 5 + int.from_bytes(answer[3:5], "big"):
        return None
    return answer[11:43] == _RETRY_RANDOM


def _hello(data: bytes) -> bytes | None:
    """Put the message together from the records that carry it."""
    message = b""
    while True:
        if data[:1] not in (b"", bytes([HANDSHAKE])) or data[1:2] not in (b"", b"\x03"):
            raise NotTls("what comes is not TLS")
        size = int.from_bytes(data[3:5], "big")
        if len(data) < 5 or len(data) < 5 + size:
            if len(data) + len(message) > MAX_HELLO_BYTES:
                raise NotTls("the client's hello is too long")
            return None
        message += data[5 : 5 + size]
        data = data[5 + size :]
        if message and message[0] != CLIENT_HELLO:
            raise NotTls("what comes is no client's hello")
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return message[4 : 4 + int.from_bytes(message[1:4], "big")]


def _extensions(hello: bytes) -> Iterator[tuple[int, bytes]]:
    at = 34  # version and random
    at += 1 + hello[at]  # session id
    at += 2 + _number(hello, at)  # cipher suites
    at += 1 + hello[at]  # compression methods
    if at == len(hello):
        return
    end = at + 2 + _number(hello, at)
    at += 2
    kinds: set[int] = set()
    while at < end:
        kind, size = _number(hello, at), _number(hello, at + 2)
        if kind in kinds or at + 4 + size > len(hello):
            raise NotTls("the client's hello is malformed")
        kinds.add(kind)
        yield kind, hello[at + 4 : at + 4 + size]
        at += 4 + size


def _number(data: bytes, at: int) -> int:
    if at + 2 > len(data):
        raise NotTls("the client's hello is malformed")
    return int.from_bytes(data[at : at + 2], "big")


def _name(extensions: dict[int, bytes]) -> str:
    if ENCRYPTED_HELLO in extensions:
        raise NotTls("an encrypted hello hides whom it is for")
    names = extensions.get(SERVER_NAME)
    if names is None:
        return ""
    size = _number(names, 3)
    # A list of one host name: no client sends more, and no server looks further.
    if len(names) != 5 + size or names[2] != 0 or _number(names, 0) != 3 + size:
        raise NotTls("the client's hello names more than one server")
    return names[5:].decode("ascii", "replace").lower().removesuffix(".")
