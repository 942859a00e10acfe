"""Guest code: frames to and from the host."""

from __future__ import annotations

import fcntl
import json
import os
import struct
from typing import Any, Dict, Tuple


class Channel:
    """Frames to and from the host. Blocking: the host always drains, and sends whole frames."""

    def __init__(self) -> None:
        # Commands get pipes; the protocol lives where no command looks for it.
        self.incoming = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 100)
        self.outgoing = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 100)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)

    def receive(self) -> Tuple[Dict[str, Any], bytes]:
        header_size, body_size = struct.unpack(">II", self._exactly(8))
        return json.loads(self._exactly(header_size)), self._exactly(body_size)

    def send(self, header: Dict[str, Any], body: bytes = b"") -> None:
        text = json.dumps(header).encode()
        data = memoryview(struct.pack(">II", len(text), len(body)) + text + body)
        while data:
            data = data[os.write(self.outgoing, data) :]

    def _exactly(self, size: int) -> bytes:
        pieces = bytearray()
        while len(pieces) < size:
            piece = os.read(self.incoming, min(size - len(pieces), 1 << 20))
            if not piece:
                raise EOFError
            pieces += piece
        return bytes(pieces)
