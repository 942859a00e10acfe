"""One process of `go test -json`, and what it says. Python 3.8+, standard library only."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

MAX_OUTPUT_BYTES = 64 * 1024
MAX_LINE_BYTES = 1 << 20
END_SECONDS = 5.0

Line = Dict[str, Any]


class GoProcess:
    """One `go test -json` in the folder of a package."""

    def __init__(self, argv: List[str], folder: str) -> None:
        self.overdue = False
        self._errors = tempfile.TemporaryFile()
        self._process: Optional[subprocess.Popen[bytes]] = None
        environment = dict(os.environ)
        environment.pop("REPAIR_IMPORT_ROOTS", None)  # set by what started this program
        try:
            self._process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._errors.write(str(error).encode("utf-8", "replace"))

    def lines(self, limit: Callable[[], Optional[float]]) -> Iterator[Line]:
        """Each event, until the process ends, or says nothing for longer than `limit` (seconds)
        tells. What is no event is an event of output."""
        if self._process is None or self._process.stdout is None:
            return
        stream = self._process.stdout.fileno()
        remainder = b""
        while select.select([stream], [], [], limit())[0]:
            piece = os.read(stream, MAX_LINE_BYTES)
            if not piece:
                return
            *full, remainder = (remainder + piece).split(b"\n")
            for line in full:
                yield _event(line)
            if len(remainder) > MAX_LINE_BYTES:
                remainder = b""  # no line of a program that anybody reads is so long
        self.overdue = True

    def end(self) -> int:
        """Exit status, once nothing of it is left."""
        if self._process is None:
            return 127
        try:
            status = self._process.wait(0.0 if self.overdue else END_SECONDS)
        except subprocess.TimeoutExpired:
            status = 1
        try:
            os.killpg(self._process.pid, 9)
        except OSError:
            pass
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def errors(self) -> str:
        """The end of what it said beside its events."""
        size = self._errors.seek(0, 2)
        self._errors.seek(max(0, size - MAX_OUTPUT_BYTES))
        return self._errors.read().decode("utf-8", "replace")


def _event(line: bytes) -> Line:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if isinstance(event, dict) and isinstance(event.get("Action"), str):
        return event
    return {"Action": "output", "Output": line.decode("utf-8", "replace") + "\n"}


def link_compiled(source: str, target: str) -> None:
    """Give Go a cache in which it can write, with what was compiled once: by links, since the
    folder that it lies in is read-only."""
    if not os.path.isdir(source) or os.path.exists(target):
        return
    fresh = f"{target}.{os.getpid()}"
    for folder, _, names in os.walk(source):
        place = os.path.join(fresh, os.path.relpath(folder, source))
        os.makedirs(place, exist_ok=True)
        for name in names:
            if name != "trim.txt":
                os.symlink(os.path.join(folder, name), os.path.join(place, name))
    with open(os.path.join(fresh, "trim.txt"), "w", encoding="ascii") as stream:
        stream.write(str(int(time.time())))  # nothing in it is old
    try:
        os.rename(fresh, target)
    except OSError:
        pass  # somebody else was first
