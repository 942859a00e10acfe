"""What is said between host and guest: a header of JSON and a body of bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.base import MEBIBYTE, CommandResult
from sandbox.errors import SandboxDied

MAX_HEADER_BYTES = 16 * MEBIBYTE
MAX_BODY_BYTES = 256 * MEBIBYTE

Frame = tuple[Mapping[str, Any], bytes]


def encode(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Two lengths, big-endian, then header and body."""
    text = json.dumps(header).encode()
    return struct.pack(">II", len(text), len(body)) + text + body


def read_frame(reader: Callable[[int], bytes]) -> Frame:
    """The next frame of a channel. Raises EOFError, OSError.

    ValueError: it is no frame.
    """
    header_size, body_size = struct.unpack(">II", _exactly(reader, 8))
    if header_size > MAX_HEADER_BYTES or body_size > MAX_BODY_BYTES:
        raise ValueError("not our guest any more")
    try:
        header = json.loads(_exactly(reader, header_size))
    except RecursionError as error:
        raise ValueError("not our guest any more") from error
    if not isinstance(header, dict):
        raise ValueError("not our guest any more")  # noqa: TRY004 - of the content, not the call
    return header, _exactly(reader, body_size)


def _exactly(reader: Callable[[int], bytes], size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        piece = reader(size - len(pieces))
        if not piece:
            raise EOFError
        pieces += piece
    return bytes(pieces)


def command_result(header: Mapping[str, Any], body: bytes) -> CommandResult:
    """How a command ended. Raises SandboxDied for what no guest of ours says."""
    try:
        return _result(header, body)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SandboxDied("the sandbox told the end of a command in a wrong form") from error


def _result(header: Mapping[str, Any], body: bytes) -> CommandResult:
    stdout_bytes = int(header["stdout_bytes"])
    code = header["exit_code"]
    return CommandResult(
        exit_code=None if code is None else int(code),
        stdout=body[:stdout_bytes].decode("utf-8", "replace"),
        stderr=body[stdout_bytes:].decode("utf-8", "replace"),
        seconds=float(header["seconds"]),
        timed_out=bool(header["timed_out"]),
        out_of_memory=bool(header["out_of_memory"]),
    )


def guest_error(name: str, message: str) -> Exception:
    if name == "FileNotFoundError":
        return FileNotFoundError(message)
    if name == "ValueError" or name.startswith("Unicode"):
        return ValueError(message)
    return OSError(message)
