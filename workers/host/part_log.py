"""What a part of the service writes: a file of a bounded size, of which its errors are told."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO

from agent.untrusted_text import shortened
from sandbox.host.private_files import private_file

MAX_BYTES = 10 * 1024**2
"""Of a file; as much again is kept of what was written before."""
MAX_READ_BYTES = 1024**2
TAIL_BYTES = 4096
MAX_SHOWN_CHARACTERS = 300
ERROR_LEVELS = ("error", "critical")


class PartLog:
    """The file that one part of the service writes to, and how far it was read.

    Whatever becomes of the file meanwhile, the part is kept alive.
    """

    def __init__(self, path: Path) -> None:
        self.path = private_file(path)
        self._read = self._begun = self._size()

    def open(self) -> IO[bytes]:
        """For a process to write to: each of its writes goes to the end, wherever that is now."""
        private_file(self.path)
        self._begun = self._size()
        return self.path.open("ab")

    def new_errors(self) -> list[str]:
        """The errors in what was written since the last call, one line each."""
        if self._size() < self._read:
            self._read = self._begun = 0  # somebody emptied it
        text = self._bytes(self._read, MAX_READ_BYTES)
        end = text.rfind(b"\n") + 1 or (len(text) if len(text) == MAX_READ_BYTES else 0)
        self._read += end
        if self._read > MAX_BYTES:
            self._begin_anew()
        return [error for line in text[:end].splitlines() if (error := _error_in(line))]

    def last_words(self) -> str:
        """The last line that the process wrote; empty where it wrote none."""
        start = max(self._begun, self._size() - TAIL_BYTES)
        lines = self._bytes(start, TAIL_BYTES).split(b"\n")
        line = next((one for one in reversed(lines) if one.strip()), b"")
        text = line.decode("utf-8", "backslashreplace").strip()
        return _event_in(line) or shortened(text, MAX_SHOWN_CHARACTERS)

    def _size(self) -> int:
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    def _bytes(self, start: int, limit: int) -> bytes:
        with suppress(OSError), self.path.open("rb") as stream:
            stream.seek(start)
            return stream.read(limit)
        return b""

    def _begin_anew(self) -> None:
        """Move what was written aside; who writes to the file notices nothing."""
        with suppress(OSError):
            shutil.copyfile(self.path, private_file(self.path.with_name(f"{self.path.name}.1")))
        with suppress(OSError):
            os.truncate(self.path, 0)
        self._read = self._begun = 0


def _error_in(line: bytes) -> str:
    """What a line says if it is one of an error; empty for any other."""
    return _event_in(line) if _fields(line).get("level") in ERROR_LEVELS else ""


def _event_in(line: bytes) -> str:
    return shortened(str(_fields(line).get("event", "")), MAX_SHOWN_CHARACTERS)


def _fields(line: bytes) -> dict[str, object]:
    """A line as our own processes write it; empty for what others write."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
