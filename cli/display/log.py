"""The log of a run that failed: everything a maintainer needs, in one file to paste."""

from __future__ import annotations

import platform
import shlex
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from agent.events import Event, SearchProgress
from agent.model_address import without_credentials
from agent.wording import line_of
from sandbox.git.login import without_logins
from sandbox.host.private_files import private_folder

MAX_LOG_LINES = 2000


class RunLog:
    """Listens to a run and keeps its lines; written only when the run fails."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.path: Path | None = None
        """Where to write; set as soon as the run has a folder."""
        self._argv = tuple(argv)
        self._started = time.monotonic()
        self._lines: deque[str] = deque(maxlen=MAX_LOG_LINES)

    def __call__(self, event: Event) -> None:
        if isinstance(event, SearchProgress):
            return
        line = line_of(event)
        if line is not None:
            self._lines.append(f"[{time.monotonic() - self._started:7.1f}s] {line}")

    def write(self, error: BaseException) -> Path | None:
        """Write the log and return its place; None where that is not possible (a full disk)."""
        if self.path is None:
            return None
        try:
            private_folder(self.path.parent)
            self.path.write_text(self.text(error), encoding="utf-8", errors="backslashreplace")
        except OSError:
            return None
        return self.path

    def text(self, error: BaseException) -> str:
        head = [
            f"repair {version('repair-agent')}",
            f"Python {sys.version.split()[0]} at {sys.executable}",
            f"{platform.platform()}",
            f"command: {shlex.join(['repair', *_without_values(self._argv)])}",
            "",
        ]
        trace = "".join(traceback.format_exception(error))
        return "\n".join([*head, *self._lines, "", trace])


ADDRESSES = ("--model-url", "--url")


def _without_values(argv: Sequence[str]) -> Iterator[str]:
    """The command line without the values of variables and without the credentials of a model's
    or a repository's address: the log is made to be shown."""
    before = ""
    for word in argv:
        option, equals, pair = word.partition("=")
        if before == "--env":
            yield f"{option}=…"
        elif option == "--env" and equals:
            yield f"{option}={pair.partition('=')[0]}=…"
        elif before in ADDRESSES:
            yield without_credentials(word)
        elif option in ADDRESSES and equals:
            yield f"{option}={without_credentials(pair)}"
        else:
            yield without_logins(word)
        before = word
