"""One process of Node, and what the reporter that is loaded into it says. Python 3.8+, standard
library only."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import tempfile
from typing import Any, Callable, Dict, Iterator, List, Optional

MAX_OUTPUT_BYTES = 64 * 1024
MAX_LINE_BYTES = 1 << 20
END_SECONDS = 2.0
"""For a process whose tests are through: open handles would keep it for ever."""

Line = Dict[str, Any]


class NodeProcess:
    """One process of Node with a reporter in it. `handed` is a descriptor that it inherits."""

    def __init__(
        self,
        request: Dict[str, Any],
        argv: List[str],
        told: Dict[str, Any],
        handed: Optional[int] = None,
    ) -> None:
        self.overdue = False
        self.through = False
        self._remainder = b""
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._nonce = secrets.token_hex(16).encode()
        self._output = tempfile.TemporaryFile()
        handle, self.reporter = tempfile.mkstemp(prefix="repair-", suffix=".cjs")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(request["reporter"])
        self._read, write = os.pipe()
        environment = dict(os.environ)
        environment.pop("NODE_TEST_CONTEXT", None)
        for name, value in request["variables"].items():
            environment.setdefault(name, value)  # what a person set counts more
        roots = environment.pop("REPAIR_IMPORT_ROOTS", "")  # set by what started this program
        if roots:
            environment["PYTHONPATH"] = roots
        message = {"workspace": request["workspace"], "events": write, **told}
        argv = [argument.replace("{reporter}", self.reporter) for argument in argv]
        with tempfile.TemporaryFile() as stream:
            stream.write(json.dumps({**message, "nonce": self._nonce.decode()}).encode("ascii"))
            stream.seek(0)
            environment["REPAIR_ASKED"] = str(stream.fileno())
            try:
                self._process = subprocess.Popen(
                    argv,
                    cwd=os.path.join(request["workspace"], request["folder"]),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[fd for fd in (write, stream.fileno(), handed) if fd is not None],
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                self._output.write(str(error).encode("utf-8", "replace"))
        os.close(write)

    def lines(self, limit: Callable[[], Optional[float]]) -> Iterator[Line]:
        """What the reporter says, until the process ends, its tests are through, or it says nothing
        for longer than `limit` (seconds) tells."""
        self.through = False
        while select.select([self._read], [], [], limit())[0]:
            piece = os.read(self._read, MAX_LINE_BYTES)
            if not piece:
                return
            *full, self._remainder = (self._remainder + piece).split(b"\n")
            for line in full:
                event = self._told(line)
                if event is not None:
                    yield event
                    if event.get("kind") == "end":
                        self.through = True
                        return
            if len(self._remainder) > MAX_LINE_BYTES:
                self._remainder = b""  # no line of the reporter is so long
        self.overdue = True

    def _told(self, line: bytes) -> Optional[Line]:
        nonce, _, text = line.partition(b" ")
        if nonce != self._nonce:
            return None
        try:
            event = json.loads(text)
        except ValueError:
            return None
        return event if isinstance(event, dict) else None

    def end(self) -> int:
        """Exit status; that of a process which is killed because it does not end by itself is 0
        where its tests are through, and 1 where it left its channel without a word."""
        os.close(self._read)
        if self._process is None:
            return 127
        try:
            status = self._process.wait(0.0 if self.overdue else END_SECONDS)
        except subprocess.TimeoutExpired:
            status = 0 if self.through else 1
        try:
            os.killpg(self._process.pid, 9)
        except OSError:
            pass
        self._process.wait()
        try:
            os.unlink(self.reporter)
        except OSError:
            pass
        return status

    def forget_output(self) -> None:
        """Of a process that stays: what it printed takes memory. It writes on from here, for the
        place in the file is its own, too."""
        self._output.seek(0)
        self._output.truncate()

    def output(self) -> str:
        size = self._output.seek(0, 2)
        self._output.seek(max(0, size - MAX_OUTPUT_BYTES))
        return self._output.read().decode("utf-8", "replace")


class ProcessEnding:
    """What one process came to."""

    def __init__(self) -> None:
        self.running: List[str] = []
        """Tests and suites that had begun and not ended."""
        self.told = 0
        """Tests that ended."""
        self.red = False
        """Some of them failed."""
        self.through = False
        """The reporter heard the end of the run."""
        self.status = 0

    @property
    def culprit(self) -> Optional[str]:
        """The test in which the process ended."""
        return self.running[-1] if self.running and not self.through else None

    @property
    def unexplained(self) -> bool:
        """The process says that it failed, and no test does."""
        return self.status != 0 and not self.red and self.culprit is None
