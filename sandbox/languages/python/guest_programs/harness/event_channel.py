"""The guest's line to the host: descriptors of its own, opened before any project code.

What the tests print goes to another file, and a line without the run's nonce is ignored by the
host. Python 3.8+, standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import sys
import tempfile
from typing import Any, Dict, List, Optional

MAX_OUTPUT_BYTES = 64 * 1024

_write = os.write
_read = os.read
_dumps = json.dumps


class EventChannel:
    """Events out, request lines in; stdin, stdout and stderr become harmless files."""

    def __init__(self, nonce: str, *, unread: str = "", keep_output: bool = False) -> None:
        self._nonce = nonce.encode()
        self._buffer = unread.encode("utf-8", "surrogateescape")
        self.input = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 100)
        self.output = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 100)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        self._kept: Optional[int] = None
        sink = null
        if keep_output:
            handle, path = tempfile.mkstemp(prefix="repair-output-")
            os.unlink(path)
            self._kept = fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 100)
            os.close(handle)
            sink = self._kept
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        if null > 2:
            os.close(null)

    def emit(self, kind: str, **data: Any) -> None:
        """Send one event. Never raises over its content."""
        data["event"] = kind
        self.write(self._nonce + b" " + _dumps(data).encode("ascii") + b"\n")

    def write(self, line: bytes) -> None:
        while line:
            line = line[_write(self.output, line) :]

    def ready(self) -> bool:
        """Whether a line is at hand without waiting."""
        return b"\n" in self._buffer or bool(select.select([self.input], [], [], 0)[0])

    def lines(self) -> List[Dict[str, Any]]:
        """Every whole line there is, waiting for the first part. Raises EOFError at the end."""
        piece = _read(self.input, 1 << 20)
        if not piece:
            raise EOFError
        return self._split(piece)

    def unread(self) -> List[Dict[str, Any]]:
        """Whole lines that came along with the request itself."""
        return self._split(b"")

    def _split(self, piece: bytes) -> List[Dict[str, Any]]:
        *full_lines, self._buffer = (self._buffer + piece).split(b"\n")
        return [json.loads(line) for line in full_lines if line]

    def kept_bytes(self) -> int:
        """How much was printed to stdout and stderr so far."""
        if self._kept is None:
            return 0
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # a test may have left anything there
                continue
        return os.fstat(self._kept).st_size

    def kept_output(self, start: int = 0) -> str:
        """Tail of what was printed to stdout and stderr so far, `start` bytes left out."""
        size = self.kept_bytes()
        if self._kept is None:
            return ""
        data = os.pread(self._kept, MAX_OUTPUT_BYTES, max(start, size - MAX_OUTPUT_BYTES))
        return data.decode("utf-8", "replace")
